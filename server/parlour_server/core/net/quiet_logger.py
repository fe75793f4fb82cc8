"""A logger for websockets that never logs secrets.

At DEBUG, websockets prints `Authorization: Bearer …` and every message (K7: secrets in logs); at INFO and
WARNING it prints lines that any stranger can cause (R6: log flooding). Records below ERROR are dropped,
whatever the root logger's level.
"""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class QuietLogger(_Adapter):
    """Logs only errors."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is logging's
        """Return False below ERROR."""
        return level >= logging.ERROR and super().isEnabledFor(level)


def quiet_logger(name: str) -> QuietLogger:
    """Return the logger for one library."""
    return QuietLogger(logging.getLogger(f"parlour.{name}"), {})
