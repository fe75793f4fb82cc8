"""From a request that passed the gate to an open connection: the ticket is redeemed here.

The ticket is taken out of the store before anything is answered, so of any number of handshakes with one
ticket, at any number of servers, one is let in (K3: replay). While the store is asked, nothing is read from
the peer and the request's deadline goes on running. A refused handshake never reaches the frame parser
(H4). `net/http_connection.py` calls ``begin``.
"""

import asyncio
from typing import Protocol

from parlour_protocol.ids import new_connection_id
from parlour_server.audit import Audit, AuditEvent
from parlour_server.chat.peer import Chat, PeerInfo
from parlour_server.clock import Clock
from parlour_server.errors import ParlourServerError
from parlour_server.logs import log_fault
from parlour_server.net import http_refusals as refusals
from parlour_server.net.connection_registry import ConnectionRegistry
from parlour_server.net.connection_slots import Slot
from parlour_server.net.gate import Redeem, Refuse
from parlour_server.net.http_refusals import Refusal
from parlour_server.net.ticket_redaction import ReadBuffer
from parlour_server.net.websocket_connection import Limits, WebSocketConnection
from parlour_server.store.interface import Tickets
from parlour_server.store.types import TicketGrant


class Candidate(Protocol):
    """A socket whose handshake is being judged (``HttpConnection``)."""

    transport: asyncio.Transport

    @property
    def address(self) -> str:
        """Return the remote address."""
        ...

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a fixed response and close."""
        ...

    def hand_over(self) -> Slot | None:
        """Stop being this socket's protocol. Returns the slot, or None when the socket is gone."""
        ...


class WebSocketUpgrade:
    """Redeems tickets and opens connections."""

    def __init__(
        self,
        tickets: Tickets,
        chat: Chat,
        registry: ConnectionRegistry,
        audit: Audit,
        clock: Clock,
        limits: Limits,
        buffer: ReadBuffer,
        *,
        per_user: int,
    ) -> None:
        """Take the collaborators; ``per_user`` caps one account's connections."""
        self._buffer = buffer
        self._tickets = tickets
        self._chat = chat
        self._registry = registry
        self._audit = audit
        self._clock = clock
        self._limits = limits
        self._per_user = per_user
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, candidate: Candidate, decision: Redeem | Refuse) -> None:
        """Take the tickets that the decision names, then open or refuse."""
        candidate.transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._decide_or_abort(candidate, decision))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Let nobody in any more."""
        for task in self._tasks:
            task.cancel()

    async def _decide_or_abort(self, candidate: Candidate, decision: Redeem | Refuse) -> None:
        try:
            await self._decide(candidate, decision)
        except Exception as error:  # noqa: BLE001 - whatever it was, no socket may be left in between
            log_fault("upgrade", error)
            candidate.transport.abort()

    async def _decide(self, candidate: Candidate, decision: Redeem | Refuse) -> None:
        try:
            if isinstance(decision, Refuse):
                for ticket in decision.burn:
                    await self._tickets.take(ticket)
                candidate.refuse(decision.refusal)
                return
            grant = await self._tickets.take(decision.ticket)
        except ParlourServerError:
            candidate.refuse(refusals.UNAVAILABLE)
            return
        if grant is None or grant.expires <= self._clock.now():
            candidate.refuse(refusals.UNAUTHORIZED)
            return
        self._audit.record(
            AuditEvent.TICKET_REDEEMED,
            user=str(grant.user),
            session=grant.session,
            address=candidate.address,
        )
        # No `await` from here to the registry: the cap would be raced past.
        if self._registry.count_of(grant.user) >= self._per_user:
            candidate.refuse(refusals.TOO_MANY_CONNECTIONS)
            return
        self._open(candidate, grant, decision.answer)

    def _open(self, candidate: Candidate, grant: TicketGrant, answer: bytes) -> None:
        slot = candidate.hand_over()
        if slot is None:
            return
        transport = candidate.transport
        info = PeerInfo(new_connection_id(), grant, candidate.address)
        connection = WebSocketConnection(
            info, transport, self._chat, self._registry, self._limits, self._buffer
        )
        self._registry.add(connection, slot)
        transport.set_protocol(connection)
        transport.write(answer)
        self._chat.opened(connection)
        transport.resume_reading()
