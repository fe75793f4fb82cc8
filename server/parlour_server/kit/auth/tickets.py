"""Tickets: a session gets one over HTTPS, and it opens one WebSocket.

A ticket is 256 random bits, stored as its SHA-256 for at most 30 seconds and redeemed once (K2, K3, K4). It
opens a socket and nothing else: the HTTPS API does not accept it (K5). `POST /v1/tickets` issues tickets, and
the handshake redeems them (`kit/net/websocket_upgrade.py`).
"""

from parlour_protocol.kit.secret import Secret
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.auth.login_throttle import LoginThrottle
from parlour_server.kit.auth.request_rates import RequestRates
from parlour_server.kit.store.interface import Tickets as TicketStore
from parlour_server.kit.store.records import SessionRecord, TicketGrant


class Tickets:
    """Issues tickets."""

    def __init__(
        self, store: TicketStore, rates: RequestRates, throttle: LoginThrottle, audit: Audit, *, seconds: int
    ) -> None:
        self._store = store
        self._rates = rates
        self._throttle = throttle
        self._audit = audit
        self.seconds = seconds

    async def issue(self, session: SessionRecord, *, address: str) -> Secret:
        """Return a new ticket for this session. Raises TooManyAttemptsError."""
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
    """Return a prefix of the ticket's digest, which distinguishes tickets in the audit log (K10)."""
    return ticket.digest().hex()[:12]
