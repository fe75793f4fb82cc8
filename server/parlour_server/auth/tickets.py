"""Tickets: what a session asks for over HTTPS and what opens one WebSocket.

A ticket is 256 random bits, kept as its SHA-256 for at most 30 seconds and taken once (K2, K3, K4). It opens
a socket and nothing else: the HTTPS API finds no session by it (K5). `POST /v1/tickets` issues, the gate of
the handshake redeems.
"""

from parlour_protocol.secret import Secret
from parlour_server.audit import Audit, AuditEvent
from parlour_server.auth.rates import Rates
from parlour_server.errors import TicketRefusedError
from parlour_server.store.interface import Tickets as TicketStore
from parlour_server.store.types import SessionRecord, TicketGrant


class Tickets:
    """Issues and redeems."""

    def __init__(self, store: TicketStore, rates: Rates, audit: Audit, *, seconds: int) -> None:
        self._store = store
        self._rates = rates
        self._audit = audit
        self.seconds = seconds

    async def issue(self, session: SessionRecord, *, address: str) -> Secret:
        """Return a new ticket of this session. Raises TooManyAttemptsError for a reconnecting loop."""
        self._rates.spend(session.id)
        ticket = Secret.random()
        grant = TicketGrant(session.id, session.user, session.device, session.expires)
        await self._store.put(ticket.digest(), grant, seconds=self.seconds)
        self._audit.record(
            AuditEvent.TICKET_ISSUED,
            user=session.user,
            session=session.id,
            ticket=_shown(ticket),
            address=address,
        )
        return ticket

    async def redeem(self, ticket: Secret, *, address: str) -> TicketGrant:
        """Take the ticket. Raises TicketRefusedError for one that is unknown, used, expired or revoked."""
        grant = await self._store.take(ticket.digest())
        if grant is None:
            self._audit.record(
                AuditEvent.HANDSHAKE_REFUSED, why="ticket", ticket=_shown(ticket), address=address
            )
            raise TicketRefusedError
        self._audit.record(
            AuditEvent.TICKET_REDEEMED,
            user=grant.user,
            session=grant.session,
            ticket=_shown(ticket),
            address=address,
        )
        return grant


def _shown(ticket: Secret) -> str:
    """Return the beginning of the ticket's digest: enough to tell tickets apart in the audit log (K10)."""
    return ticket.digest().hex()[:12]
