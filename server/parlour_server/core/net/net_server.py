"""The network server: starts and stops the listener, HTTP, WebSocket and pings.

Messages go to the connection service, HTTPS requests to the API. Stopping never takes longer than
``STOP_SECONDS``, whatever the peers do (R5: shutdown hang).
"""

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from starlette.types import ASGIApp

from parlour_protocol.kit.errors import GOING_AWAY
from parlour_server.core.accounts.tickets import TicketRedemption
from parlour_server.core.audit import Audit
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.net.connection_slots import ConnectionSlots
from parlour_server.core.net.gate import BodyCap, Rules, host_values
from parlour_server.core.net.http_connection import HttpConnection, HttpSetup
from parlour_server.core.net.listener import BeforeTls, Listener
from parlour_server.core.net.malloc_trim import MallocTrim, glibc_trim
from parlour_server.core.net.ping_timer import PingTimer
from parlour_server.core.net.ticket_redaction import ReadBuffer
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.core.net.websocket_connection import ConnectionRegistry, Limits
from parlour_server.core.net.websocket_handshake import Handshake
from parlour_server.core.net.websocket_upgrade import WebSocketUpgrade
from parlour_server.core.quotas import Quotas

STOP_SECONDS: Final = 3.0  # of the five that the whole process has after SIGTERM; the store needs some, too
_ABORT_SECONDS: Final = 0.5


class NetServer:
    """One server on one address."""

    def __init__(
        self,
        settings: Settings,
        sockets: Sequence[socket.socket],
        tls: TlsFiles,
        service: ConnectionService[Any],
        app: ASGIApp,
        body_cap: BodyCap,
        tickets: TicketRedemption,
        before_tls: BeforeTls,
        audit: Audit,
        quotas: Quotas,
    ) -> None:
        """Take bound ``sockets``; call ``serve``. Raises SetupError."""
        listen, caps = settings.listen, settings.connections
        self._addresses = [
            (str(name[0]), int(name[1])) for name in (bound.getsockname() for bound in sockets)
        ]
        self._registry = registry = ConnectionRegistry(audit, quotas.hits)
        self._slots = ConnectionSlots(quotas, total=caps.total, per_address=caps.per_address)
        self._pings = PingTimer(registry, self._slots, MallocTrim(glibc_trim()), caps.ping_seconds)
        handshake = Handshake(service.wire)
        buffer = ReadBuffer(handshake.path)
        limits = Limits(caps.unsent_bytes, caps.close_seconds)
        self._http = HttpSetup(
            app=app,
            rules=Rules(
                hosts=host_values(listen.names, self._addresses[0][1]),
                origins=frozenset(origin.encode() for origin in listen.origins),
                body_cap=body_cap,
                handshake=handshake,
            ),
            audit=audit,
            upgrade=WebSocketUpgrade(
                tickets,
                service,
                registry,
                audit,
                limits,
                buffer,
                quotas,
                per_user=caps.per_user,
            ),
            buffer=buffer,
            request_seconds=caps.request_seconds,
            body_seconds=caps.body_seconds,
            body_bytes_per_second=caps.body_bytes_per_second,
            stalled_seconds=caps.stalled_seconds,
            close_seconds=caps.close_seconds,
        )
        self._listener = Listener(
            sockets,
            tls,
            self._slots,
            partial(HttpConnection, self._http),
            audit,
            before_tls,
            tls_seconds=caps.tls_seconds,
            # The longest that an HTTP connection takes; the connections' own timers end it sooner.
            close_seconds=caps.close_seconds + caps.stalled_seconds,
        )

    @property
    def connections(self) -> int:
        """Return how many WebSocket connections are open."""
        return len(self._registry)

    @property
    def sockets(self) -> int:
        """Return how many sockets are open, of any kind."""
        return len(self._slots)

    def serve(self) -> list[tuple[str, int]]:
        """Start accepting, and return the addresses with their actual ports."""
        self._listener.start()
        self._pings.start()
        return self._addresses

    def close_refused(self) -> None:
        """Close the connections of addresses that are refused now."""
        for connection in self._registry:
            if self._listener.refuses(connection.info.address):
                connection.abort()
        for http in list(self._http.connections):
            if self._listener.refuses(http.address):
                http.abort()

    async def stop(self) -> None:
        """Stop accepting, send everyone 1001, and close every socket within ``STOP_SECONDS``."""
        self._listener.close()
        self._pings.stop()
        for connection in self._registry:
            connection.end(GOING_AWAY)
        for http in list(self._http.connections):
            http.shutdown()
        try:
            async with asyncio.timeout(STOP_SECONDS - _ABORT_SECONDS):
                await self._slots.empty()
        except TimeoutError:
            await self._abort_all()

    async def _abort_all(self) -> None:
        for connection in self._registry:
            connection.abort()
        for http in list(self._http.connections):
            http.abort()
        for task in list(self._http.tasks):
            task.cancel()
        try:
            async with asyncio.timeout(_ABORT_SECONDS):
                await self._slots.empty()
        except TimeoutError:
            pass  # nothing more can be done for a socket that even abort() leaves
