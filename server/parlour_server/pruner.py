"""Removes, every hour, what has expired and is of no more use (docs/growth.md).

It never raises and never hurries: a batch, then the next, and a store that cannot do it is asked again an
hour later.
"""

import asyncio
from typing import Final

from parlour_server.clock import Clock
from parlour_server.errors import UnavailableError
from parlour_server.logs import log
from parlour_server.store.interface import Store

EVERY_SECONDS: Final = 3600.0
_PAUSE_SECONDS: Final = 0.1
"""Between two batches: others' writes come first."""


class Pruner:
    """Keeps the store from growing without a limit."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Take the collaborators."""
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Prune now and again, until cancelled."""
        while True:
            await self.prune()
            await asyncio.sleep(EVERY_SECONDS)

    async def prune(self) -> None:
        """Remove everything that is due."""
        removed = 0
        try:
            while gone := await self._store.prune(self._clock.now()):
                removed += gone
                await asyncio.sleep(_PAUSE_SECONDS)
        except UnavailableError:
            pass  # a full disk, or an end: it is due as well in an hour
        if removed:
            log("pruned", rows=removed)
