"""Follows the store's journal, so that changes by other processes reach this one's sockets.

A command, or another server on the same store, may end a session or change something of the program's. This
loop notices within a quarter of a second, even if the bus lost the notification (S1: a socket that outlives
its session). It never raises: if the store cannot answer, it asks again.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import log, warn
from parlour_server.core.store.engine.journal_reader import Journal
from parlour_server.core.store.records import JournalEntry

POLL_SECONDS: Final = 0.25


class JournalFollower:
    """Polls the journal and calls its handlers."""

    def __init__(
        self,
        journal: Journal,
        handler: Callable[[object], None],
    ) -> None:
        """Call ``handler`` for every entry."""
        self._journal = journal
        self._handler = handler
        self._number = 0
        self._failing = False

    async def begin(self) -> None:
        """Remember the journal's position; call it before the first socket is accepted."""
        self._number = await self._journal.head()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(POLL_SECONDS)

    async def poll(self) -> None:
        """Handle all new entries; a failure is logged and does not stop the others."""
        for entry in await self._new_entries():
            with ErrorBoundary("journal"):  # the next entry may end a session
                self._handler(entry.what)
            self._number = entry.number

    async def _new_entries(self) -> Sequence[JournalEntry]:
        try:
            entries = await self._journal.since(self._number)
        except UnavailableError:
            if not self._failing:
                warn(
                    "journal_unreadable",
                    consequence="until then, sessions ended by other processes stay open",
                )
            self._failing = True
            return ()
        if self._failing:
            log("journal_readable")
            self._failing = False
        return entries
