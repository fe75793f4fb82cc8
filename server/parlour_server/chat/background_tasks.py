"""The chat's own tasks: none is forgotten, none outlives the chat, and none fails without a consequence.

What one connection waits for closes it when it fails. What several depend on is done again until it is done:
a store that cannot answer now will later. A task that fails takes nothing else with it, which is why this is
no ``asyncio.TaskGroup``. The service, the dispatcher and the hub start their work here; ``close`` ends what
is left.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

from parlour_server.chat.error_boundary import ErrorBoundary
from parlour_server.errors import UnavailableError

RETRY_SECONDS: Final = 1.0
"""How long to wait before asking a store again that could not answer."""
_ATTEMPTS: Final = 5
"""How often something is begun that fails for another reason: again may help, for ever would not."""

Work = Coroutine[None, None, None]


class BackgroundTasks:
    """Tasks that belong to the chat."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, what: str, work: Work, failed: Callable[[], None]) -> None:
        """Run ``work``, named ``what`` in the log; if it fails call ``failed``, which raises nothing."""
        self._run(_guarded(what, work, failed))

    def retry_until_done(self, what: str, begin: Callable[[], Work], failed: Callable[[], None]) -> None:
        """Run what ``begin`` returns, again and again until it succeeds.

        The store's failures are waited for without an end; after some others ``failed`` is called.
        """
        self._run(_repeated(what, begin, failed))

    async def close(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, work: Work) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _guarded(what: str, work: Work, failed: Callable[[], None]) -> None:
    with ErrorBoundary(what, failed):
        await work


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
