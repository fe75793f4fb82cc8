"""The chat's own tasks: none is forgotten, none outlives the chat.

A task that fails is logged by the guard and takes nothing with it, which is why this is no
``asyncio.TaskGroup``. The service and the hub start their work here; ``close`` ends what is left.
"""

import asyncio
from collections.abc import Coroutine

from parlour_server.chat.guard import Guard


class Background:
    """Tasks that belong to the chat."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, what: str, work: Coroutine[None, None, None]) -> None:
        """Run ``work``; ``what`` names it in the log if it fails."""
        task = asyncio.ensure_future(_guarded(what, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _guarded(what: str, work: Coroutine[None, None, None]) -> None:
    with Guard(what):
        await work
