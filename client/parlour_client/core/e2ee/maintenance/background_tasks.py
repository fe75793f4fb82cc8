"""Tasks in the background that nobody waits for, and the signal that something about encryption changed.

A task that fails is silent: it runs again after the next greeting, or the reason is shown elsewhere. A
fault of the program is reported at once, only by its name: its message may quote a stranger.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from parlour_client.core.errors import ParlourClientError


async def quietly(work: Coroutine[Any, Any, object]) -> None:
    """Do what is tried again by itself; the next greeting does."""
    try:
        await work
    except ParlourClientError:
        return


class BackgroundTasks:
    """All that is under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[None]] = set()

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin one."""
        task = asyncio.ensure_future(quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            fault = f"Work in the background failed: {type(error).__name__}"
            task.get_loop().call_exception_handler({"message": fault})

    async def stop(self) -> None:
        """End all."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class ChangeSignal:
    """Something about encryption moved: everyone who waits looks again whether it is what they wait for."""

    def __init__(self) -> None:
        self._moved = asyncio.Event()

    def next_change(self) -> asyncio.Event:
        """Return what is set when anything moves next."""
        return self._moved

    def notify(self) -> None:
        """Let them look."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it is so; it is asked at once, and whenever something moved."""
        while True:
            moved = self._moved
            if await condition():
                return
            await moved.wait()
