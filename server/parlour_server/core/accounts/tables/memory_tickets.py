"""Tickets on one machine: in memory, where redeeming one is atomic.

They end with the process and never touch the disk; their clock is monotonic (K4). A distributed store would
keep them in its database, behind the same interface.
"""

from typing import Final

from parlour_protocol.kit.tickets import SingleUseTickets, TooManyTicketsError
from parlour_server.core.accounts.tables.sessions import granted_now
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.records import TicketGrant

TICKETS: Final = 32_768
"""The most tickets: three per connection at the default limit, about 12 MiB."""


class MemoryTickets:
    """Single-use tickets, of sessions that have not ended since."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        """Look up sessions through ``readers``; deadlines use ``clock.monotonic``."""
        self._readers = readers
        self._clock = clock
        self._tickets: SingleUseTickets[TicketGrant] = SingleUseTickets(TICKETS)

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Store a ticket for this many seconds. Raises UnavailableError if there are too many."""
        try:
            self._tickets.put(ticket, grant, now=self._clock.monotonic(), seconds=seconds)
        except TooManyTicketsError:
            raise UnavailableError("too many unused tickets") from None

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Redeem the ticket; one caller gets the grant, and only while its session is live."""
        # No await until it is taken: of any number of callers one gets it (K3: replay, TOCTOU).
        grant = self._tickets.take(ticket, self._clock.monotonic())
        if grant is None:
            return None
        now = self._clock.now()
        return await self._readers.run(lambda db: granted_now(db, grant, now))
