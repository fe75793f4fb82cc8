"""Removes expired data every hour (docs/reference/growth.md).

It works in small batches and never raises; if the store is unavailable, it tries again an hour later.
"""

import asyncio
from typing import Final

from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import UnavailableError
from parlour_server.kit.logs import log
from parlour_server.kit.store.interface import KitStore

EVERY_SECONDS: Final = 3600.0
_PAUSE_SECONDS: Final = 0.1
"""Seconds between two batches, so that other writes come first."""


class Pruner:
    """Keeps the store from growing without a limit."""

    def __init__(self, store: KitStore, clock: Clock) -> None:
        """Take the collaborators."""
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Prune regularly, until cancelled."""
        while True:
            await self.prune()
            await asyncio.sleep(EVERY_SECONDS)

    async def prune(self) -> None:
        """Remove everything that has expired."""
        removed = 0
        try:
            while gone := await self._store.prune(self._clock.now()):
                removed += gone
                await asyncio.sleep(_PAUSE_SECONDS)
        except UnavailableError:
            pass  # a full disk, or the server is stopping: try again in an hour
        if removed:
            log("pruned", rows=removed)
