"""A logger for the libraries below us that cannot be made to tell secrets.

At DEBUG, websockets prints `Authorization: Bearer …` and every message, uvicorn each path (K7: secrets in
logs); at INFO and WARNING both print lines that any stranger can cause (R6: log flooding). What is below
ERROR never leaves here, whatever the root logger's level is. `net/http_connection.py` and
`net/websocket_connection.py` use it.
"""

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class QuietLogger(_Adapter):
    """Passes errors on, and nothing else."""

    level: Final = logging.ERROR  # uvicorn looks at it

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is logging's
        """Tell that nothing below ERROR is wanted."""
        return level >= logging.ERROR and super().isEnabledFor(level)


def quiet_logger(name: str) -> QuietLogger:
    """Return the logger for one library."""
    return QuietLogger(logging.getLogger(f"parlour.{name}"), {})
