"""Background tasks: they end with the program, and none fails unnoticed.

A failed task closes the connection that waits for it. A task that several connections depend on is retried
until it succeeds. This is not an ``asyncio.TaskGroup``, because a failed task must not cancel the others.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import log_fault

RETRY_SECONDS: Final = 1.0
"""Seconds before a retry when the store is unavailable."""
_ATTEMPTS: Final = 5
"""Attempts after other failures."""

Work = Coroutine[None, None, None]
T = TypeVar("T")


class BackgroundTasks:
    """Tasks that end with the program."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, what: str, work: Work, failed: Callable[[], None]) -> Callable[[], object]:
        """Run ``work``, called ``what`` in the log; if it fails, call ``failed``, which must not raise.

        Returns a function that cancels it.
        """
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, what, failed))
        return task.cancel

    def retry_until_done(self, what: str, begin: Callable[[], Work], failed: Callable[[], None]) -> None:
        """Run what ``begin`` returns, and retry until it succeeds.

        An unavailable store is retried without limit; after a few other failures ``failed`` is called.
        """
        self.start(what, _repeated(what, begin, failed), failed)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end and return its result, also if the wait for it is cancelled.

        It is for what stores something and then tells it: half of that would be told to no one.
        """
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel all tasks, and wait until they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, what: str, failed: Callable[[], None], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_fault(what, error)
            failed()


async def _repeated(what: str, begin: Callable[[], Work], failed: Callable[[], None]) -> None:
    left = _ATTEMPTS
    while left:
        left -= 1
        with ErrorBoundary(what):
            try:
                await begin()
            except UnavailableError:
                left += 1
            else:
                return
        await asyncio.sleep(RETRY_SECONDS)
    failed()
