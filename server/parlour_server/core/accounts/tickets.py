"""Tickets: a session gets one over HTTPS, and it opens one WebSocket.

A ticket is 256 random bits, stored as its SHA-256 for at most 30 seconds and redeemed once (K2, K3, K4). It
opens a socket and nothing else: the HTTPS API does not accept it (K5). A page's opens one for its own Origin
only (H12). `POST /v1/tickets` issues tickets, and the handshake redeems them. Only ``TicketRedemption`` can
turn a ticket into a grant, and only after the proof that the session's key requires (K50).
"""

from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import Redemption
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.accounts.tables.sessions import SessionStore
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.clock import Clock
from parlour_server.core.errors import TicketRefusedError, UnavailableError
from parlour_server.core.signatures import holds
from parlour_server.core.store.records import SessionRecord, TicketGrant
from parlour_server.core.store.ticket_store import TicketStore


@dataclass(slots=True, eq=False)
class ConnectionTicket:
    """The ticket that opens the WebSocket on one TLS connection only: it is kept nowhere else (K51)."""

    EXTENSION: ClassVar = "parlour.ticket"
    """Its name among the extensions of an ASGI scope, by which the HTTPS API finds it."""
    _held: tuple[bytes, float, TicketGrant] | None = field(default=None, init=False, repr=False)

    def put(self, ticket: bytes, grant: TicketGrant, deadline: float) -> None:
        """Keep a ticket until ``deadline``, instead of an earlier one."""
        self._held = (ticket, deadline, grant)

    def take(self, ticket: bytes) -> tuple[float, TicketGrant] | None:
        """Return the deadline and grant of this ticket, once."""
        held = self._held
        if held is None or held[0] != ticket:
            return None
        self._held = None
        return held[1:]


def bound_to(page: str | None, ticket: bytes) -> bytes:
    """Return the digest that a ticket is stored under: that of a page depends on the page's Origin."""
    return ticket if page is None else sha256(ticket + page.encode("ascii")).digest()


class Tickets:
    """Issues tickets."""

    def __init__(
        self,
        store: TicketStore,
        rates: RequestRates,
        audit: Audit,
        clock: Clock,
        *,
        seconds: int,
    ) -> None:
        self._store = store
        self._rates = rates
        self._audit = audit
        self._clock = clock
        self.seconds = seconds

    async def issue(
        self,
        session: SessionRecord,
        *,
        address: str,
        here: ConnectionTicket | None = None,
        page: str | None = None,
    ) -> Secret:
        """Return a new ticket for this session, for the connection of ``here`` only if that is given.

        ``page`` is the Origin of the page that asks. Raises TooManyAttemptsError, UnavailableError.
        """
        self._rates.spend(session.id)
        ticket = Secret.random()
        grant = TicketGrant(session.id, session.user, session.device, session.expires)
        stored = bound_to(page, ticket.digest())
        if here is None:
            await self._store.put(stored, grant, seconds=self.seconds)
        else:
            here.put(stored, grant, self._clock.monotonic() + self.seconds)
        self._audit.record(
            AuditEvent.TICKET_ISSUED,
            user=session.user,
            session=session.id,
            ticket=_shown(ticket),
            address=address,
            here=here is not None,
        )
        return ticket


class TicketRedemption:
    """Redeems tickets."""

    def __init__(
        self, store: TicketStore, sessions: SessionStore, throttle: LoginThrottle, clock: Clock
    ) -> None:
        """``clock`` is for the tickets of one connection, and the ends of sessions."""
        self._store = store
        self._sessions = sessions
        self._throttle = throttle
        self._clock = clock

    async def redeem(
        self, request: Redemption, proof: bytes | None, here: ConnectionTicket, *, address: str
    ) -> TicketGrant:
        """Use the ticket up, and return its grant. Raises TicketRefusedError, UnavailableError.

        ``proof`` is the signature of a session's key, ``here`` has the ticket of the request's connection.
        A proof makes the address familiar. A ticket alone does not, because a stolen token gets one (P33).
        """
        held = here.take(request.ticket)
        if held is None:
            grant = await self._store.take(request.ticket)
        else:
            deadline, grant = held
            in_time = self._clock.monotonic() < deadline
            grant = await self._sessions.granted_now(grant, self._clock.now()) if in_time else None
        if grant is None or grant.expires <= self._clock.now():
            raise TicketRefusedError
        if grant.public_key is not None:
            if proof is None or not holds(grant.public_key, request.to_be_signed(), proof):
                raise TicketRefusedError
            with suppress(UnavailableError):  # a full disk must not keep people out
                await self._throttle.used(grant.user, address)
        return grant

    async def burn(self, ticket: bytes, here: ConnectionTicket) -> None:
        """Use the ticket up. Raises UnavailableError."""
        if here.take(ticket) is None:
            await self._store.take(ticket)


def _shown(ticket: Secret) -> str:
    """Return a prefix of the ticket's digest, which distinguishes tickets in the audit log (K10)."""
    return ticket.digest().hex()[:12]
