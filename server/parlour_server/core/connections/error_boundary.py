"""The error boundary: an unforeseen error ends one request, never someone else's connection.

It logs the error as a fault, without its text, which may quote a message (K7). It guards received frames,
handlers, finished appends, what a program is notified of, and background tasks.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType

from parlour_server.core.output import log_fault


class ErrorBoundary:
    """Runs a block; an error in it is logged, ``failed`` is called, and the error is suppressed.

    So is `sys.exit()` in a program's code, which must not end the server. Only what ends this coroutine
    passes: its task was cancelled, or it is being closed.
    """

    __slots__ = ("_failed", "_what")

    def __init__(self, what: str, failed: Callable[[], object] | None = None) -> None:
        """Guard a block that is called ``what`` in the log; ``failed`` must not raise."""
        self._what = what
        self._failed = failed

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        """Suppress an error, after logging it."""
        if error is None or isinstance(error, GeneratorExit):
            return False
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            return False
        log_fault(self._what, error)
        if self._failed is not None:
            self._failed()
        return True


def is_cancelled() -> bool:
    """Whether this task was cancelled, rather than something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
