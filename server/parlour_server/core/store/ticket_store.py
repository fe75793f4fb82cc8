"""The promises of a store of single-use tickets: in memory (`memory_tickets.py`), or in a shared database."""

from typing import Protocol

from parlour_server.core.store.records import TicketGrant


class TicketStore(Protocol):
    """Single-use tickets. Its clock is not the wall clock of the server, which may be set back."""

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Store a ticket's digest for this many seconds. Raises UnavailableError."""
        ...

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Redeem the ticket: of any number of callers, at any number of servers, one gets the grant.

        None if it does not exist, was redeemed or expired, or its session has ended. Every call invalidates
        the ticket (K3: replay).
        """
        ...
