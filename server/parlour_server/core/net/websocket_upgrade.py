"""Opens the WebSocket of a request that passed the gate: tickets are redeemed here.

The ticket is removed from the store before the response, so of any number of handshakes with one ticket, at
any number of servers, one succeeds (K3: replay). A refused handshake never reaches the frame parser (H4).
"""

import asyncio
from typing import Any

from parlour_protocol.kit.ids import new_connection_id
from parlour_protocol.kit.session_key import Redemption
from parlour_server.core.accounts.tickets import ConnectionTicket, TicketRedemption
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.connections.connection import ConnectionInfo
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.errors import ParlourServerError, TicketRefusedError
from parlour_server.core.net import http_refusals as refusals
from parlour_server.core.net.connection_slots import Slot
from parlour_server.core.net.gate import Redeem, Refuse
from parlour_server.core.net.http_refusals import Refusal
from parlour_server.core.net.ticket_redaction import ReadBuffer
from parlour_server.core.net.websocket_connection import ConnectionRegistry, Limits, WebSocketConnection
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import TicketGrant


class WebSocketUpgrade:
    """Redeems tickets and opens connections."""

    def __init__(
        self,
        tickets: TicketRedemption,
        service: ConnectionService[Any],
        registry: ConnectionRegistry,
        audit: Audit,
        limits: Limits,
        buffer: ReadBuffer,
        quotas: Quotas,
        *,
        per_user: int,
    ) -> None:
        """Take the collaborators; ``per_user`` caps an account's connections, if it has no own limit."""
        self._tickets = tickets
        self._service = service
        self._registry = registry
        self._audit = audit
        self._limits = limits
        self._buffer = buffer
        self._quotas = quotas
        self._per_user = per_user

    async def redeem(
        self, decision: Redeem | Refuse, server_key: bytes, here: ConnectionTicket, address: str
    ) -> TicketGrant | Refusal:
        """Redeem the tickets of the gate's decision; return the grant, or the refusal.

        ``server_key`` is the digest of the key that the connection's peer sees, ``here`` has the connection's
        own ticket.
        """
        try:
            if isinstance(decision, Refuse):
                for ticket in decision.burn:
                    await self._tickets.burn(ticket, here)
                return decision.refusal
            request = Redemption(decision.ticket, decision.host, server_key, decision.path)
            return await self._tickets.redeem(request, decision.proof, here, address=address)
        except TicketRefusedError:
            return refusals.UNAUTHORIZED
        except ParlourServerError:
            return refusals.UNAVAILABLE

    def admit(self, grant: TicketGrant, address: str) -> Refusal | None:
        """Return the refusal for an account with too many connections. Call ``open`` before any await."""
        self._audit.record(
            AuditEvent.TICKET_REDEEMED,
            user=str(grant.user),
            session=grant.session,
            address=address,
            keyed=grant.public_key is not None,
        )
        count = self._registry.count_of(grant.user) + self._quotas.nodes.connections_elsewhere(grant.user)
        if count < self._quotas.accounts.of(grant.user, "connections.per_user", self._per_user):
            return None
        self._quotas.hits.hit("connections.per_user")
        return refusals.TOO_MANY_CONNECTIONS

    def open(self, grant: TicketGrant, transport: asyncio.Transport, slot: Slot, answer: bytes) -> None:
        """Answer the handshake and have the peer greeted. ``transport`` resumes reading."""
        info = ConnectionInfo(new_connection_id(), grant, slot.address)
        connection = WebSocketConnection(
            info, transport, self._service, self._registry, self._limits, self._buffer
        )
        self._registry.add(connection, slot)
        transport.set_protocol(connection)
        transport.write(answer)
        self._service.opened(connection)
        transport.resume_reading()
