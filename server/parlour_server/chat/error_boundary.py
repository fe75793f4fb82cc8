"""The error boundary: an unforeseen error ends one request, never someone else's connection.

It writes one log line: the kind of the error and where in this program it arose. Never the error's text
nor a traceback's lines, because both may quote what a person wrote (K7). The entrances of the chat use it:
a received frame, a finished append, a background task.
"""

import logging
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Final

_log: Final = logging.getLogger(__name__)


class ErrorBoundary:
    """Runs a block; an error in it is logged, ``failed`` is called, and it goes no further.

    What is no ``Exception`` (a cancelled task, the interpreter's end) passes.
    """

    __slots__ = ("_failed", "_what")

    def __init__(self, what: str, failed: Callable[[], object] | None = None) -> None:
        """Guard the block that ``what`` names in the log; ``failed`` must not raise."""
        self._what = what
        self._failed = failed

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        """Swallow an error, once it is logged."""
        if error is None or not isinstance(error, Exception):
            return False
        path = " > ".join(
            f"{step.filename.rsplit('/', 1)[-1]}:{step.lineno}" for step in traceback.extract_tb(where)
        )
        _log.error("%s failed: %s at %s", self._what, type(error).__name__, path)
        if self._failed is not None:
            self._failed()
        return True
