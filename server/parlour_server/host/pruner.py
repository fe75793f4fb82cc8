"""Removes expired data every hour (docs/reference/growth.md).

It works in small batches and never raises; if the store is unavailable, it tries again an hour later.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.output import log
from parlour_server.core.store.table_facts import Rule

EVERY_SECONDS: Final = 3600.0
_PAUSE_SECONDS: Final = 0.1
"""Seconds between two batches, so that other writes come first."""


async def prune_batches(store: KitStore, clock: Clock, rules: Sequence[Rule]) -> AsyncIterator[int]:
    """Remove everything that has expired; yields the rows of each batch. Raises UnavailableError."""
    while gone := await store.prune(clock.now(), rules):
        yield gone
        await asyncio.sleep(_PAUSE_SECONDS)


class Pruner:
    """Keeps the store from growing without a limit."""

    def __init__(self, store: KitStore, clock: Clock, rules: Sequence[Rule] = ()) -> None:
        """``rules`` are those of capabilities."""
        self._store = store
        self._clock = clock
        self._rules = rules

    async def run(self) -> None:
        """Prune regularly, until cancelled."""
        while True:
            await self.prune()
            await asyncio.sleep(EVERY_SECONDS)

    async def prune(self) -> None:
        """Remove everything that has expired."""
        removed = 0
        with suppress(UnavailableError):  # a full disk, or the server is stopping: try again in an hour
            async for gone in prune_batches(self._store, self._clock, self._rules):
                removed += gone
        if removed:
            log("pruned", rows=removed)
