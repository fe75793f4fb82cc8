"""Tickets: what a session asks for over HTTPS and what opens one WebSocket.

A ticket is 256 random bits, kept as its SHA-256 for at most 30 seconds and taken once (K2, K3, K4). It opens
a socket and nothing else: the HTTPS API finds no session by it (K5). `POST /v1/tickets` issues them, and
the handshake takes them out of the store (`net/websocket_upgrade.py`).
"""

from parlour_protocol.secret import Secret
from parlour_server.audit import Audit, AuditEvent
from parlour_server.auth.login_throttle import LoginThrottle
from parlour_server.auth.request_rates import RequestRates
from parlour_server.store.interface import Tickets as TicketStore
from parlour_server.store.types import SessionRecord, TicketGrant


class Tickets:
    """Issues."""

    def __init__(
        self, store: TicketStore, rates: RequestRates, throttle: LoginThrottle, audit: Audit, *, seconds: int
    ) -> None:
        self._store = store
        self._rates = rates
        self._throttle = throttle
        self._audit = audit
        self.seconds = seconds

    async def issue(self, session: SessionRecord, *, address: str) -> Secret:
        """Return a new ticket of this session. Raises TooManyAttemptsError for a reconnecting loop."""
        self._rates.spend(session.id)
        ticket = Secret.random()
        grant = TicketGrant(session.id, session.user, session.device, session.expires)
        await self._store.put(ticket.digest(), grant, seconds=self.seconds)
        await self._throttle.used(session.user, address)
        self._audit.record(
            AuditEvent.TICKET_ISSUED,
            user=session.user,
            session=session.id,
            ticket=_shown(ticket),
            address=address,
        )
        return ticket


def _shown(ticket: Secret) -> str:
    """Return the beginning of the ticket's digest: enough to tell tickets apart in the audit log (K10)."""
    return ticket.digest().hex()[:12]
