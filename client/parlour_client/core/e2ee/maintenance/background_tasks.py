"""Background tasks that nothing waits for, and the signal that something about encryption changed.

A failed task is silent: it runs again after the next greeting, or the reason is shown elsewhere. A
programming error is reported at once, but only by its name: its message may quote others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _


async def quietly(work: Coroutine[Any, Any, object]) -> None:
    """Await something that is retried anyway, after the next greeting."""
    try:
        await work
    except ParlourClientError:
        return


class BackgroundTasks:
    """The running tasks."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[None]] = set()
        self._stopped = False

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        """Start a task; none once they were stopped."""
        if self._stopped:  # what one of them did last may ask for another one
            work.close()
            return
        task = asyncio.ensure_future(quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            fault = _("A background task failed: {name}").format(name=type(error).__name__)
            task.get_loop().call_exception_handler({"message": fault})

    async def stop(self) -> None:
        """Cancel all tasks, for good."""
        self._stopped = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class ChangeSignal:
    """Signals that something about encryption changed: every waiter checks its condition again."""

    def __init__(self) -> None:
        self._moved = asyncio.Event()

    def next_change(self) -> asyncio.Event:
        """Return an event that is set at the next change."""
        return self._moved

    def notify(self) -> None:
        """Wake all waiters."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a condition holds; it is checked at once, and after each change."""
        while True:
            moved = self._moved
            if await condition():
                return
            await moved.wait()
