"""Tickets on one machine: in memory, where redeeming one is atomic.

They end with the process and never touch the disk; their clock is monotonic (K4). A distributed store would
keep them in its database, behind the same interface.
"""

from typing import Final

from parlour_server.core.accounts.tables.sessions import granted_now
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.records import TicketGrant

TICKETS: Final = 32_768
"""The most tickets: three per connection at the default limit, about 12 MiB."""


class MemoryTickets:
    """Single-use tickets."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        """Look up sessions through ``readers``; deadlines use ``clock.monotonic``."""
        self._readers = readers
        self._clock = clock
        self._tickets: dict[bytes, tuple[float, TicketGrant]] = {}

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Store a ticket for this many seconds. Raises UnavailableError if there are too many."""
        now = self._clock.monotonic()
        self._drop_oldest_expired(now)
        if len(self._tickets) >= TICKETS:
            self._tickets = {key: kept for key, kept in self._tickets.items() if kept[0] > now}
        if len(self._tickets) >= TICKETS:
            raise UnavailableError("too many unused tickets")
        self._tickets[ticket] = (now + seconds, grant)

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Redeem the ticket; one caller gets the grant, and only while its session is live."""
        held = self._tickets.get(ticket)
        if held is None:
            return None
        # No await until here: of any number of callers one gets it (K3: replay, TOCTOU).
        del self._tickets[ticket]
        deadline, grant = held
        if self._clock.monotonic() >= deadline:
            return None
        now = self._clock.now()
        return await self._readers.run(lambda db: granted_now(db, grant, now))

    def _drop_oldest_expired(self, now: float) -> None:
        """Drop expired tickets from the front: they are in the order of arrival."""
        while self._tickets:
            oldest = next(iter(self._tickets))
            if self._tickets[oldest][0] > now:
                return
            del self._tickets[oldest]
