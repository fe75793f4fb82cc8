"""The network server: puts listener, HTTP, WebSocket and their watchers together, and takes them apart.

It knows no room and no account: what is said over a connection is the chat's, what is asked over HTTPS is
the API's. Stopping never takes longer than ``STOP_SECONDS``, whatever the peers do (R5: shutdown hang).
`app.py` makes one.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from uvicorn.server import ServerState

from parlour_protocol.errors import GOING_AWAY, SESSION_ENDED, CloseCode
from parlour_protocol.ids import SessionId
from parlour_server.audit import Audit
from parlour_server.chat.peer import Chat
from parlour_server.clock import Clock
from parlour_server.config.server_settings import Settings
from parlour_server.net.addresses import Networks, listen_address
from parlour_server.net.connection_registry import ConnectionRegistry
from parlour_server.net.connection_slots import ConnectionSlots, Slot
from parlour_server.net.gate import BodyCap, Rules, host_values, small_bodies
from parlour_server.net.http_connection import HttpSetup, asgi_config, http_protocol
from parlour_server.net.listener import Listener
from parlour_server.net.malloc_trim import MallocTrim, glibc_trim
from parlour_server.net.ping_timer import PingTimer
from parlour_server.net.ticket_redaction import ReadBuffer
from parlour_server.net.tls_context import TlsFiles
from parlour_server.net.websocket_connection import Limits
from parlour_server.net.websocket_upgrade import WebSocketUpgrade
from parlour_server.store.interface import Tickets

STOP_SECONDS: Final = 4.0  # of the five that SIGTERM leaves the whole process
_ABORT_SECONDS: Final = 0.5


class NetServer:
    """One server on one address."""

    def __init__(
        self,
        settings: Settings,
        tls: TlsFiles,
        chat: Chat,
        asgi_app: Any,
        tickets: Tickets,
        audit: Audit,
        clock: Clock,
        body_cap: BodyCap = small_bodies,
    ) -> None:
        """Take the collaborators; ``start`` begins. Raises SetupError."""
        self._body_cap = body_cap
        caps = settings.connections
        self._settings = settings
        self._config = asgi_config(asgi_app)
        self._state = ServerState()
        self._audit = audit
        self._slots = ConnectionSlots(total=caps.total, per_address=caps.per_address)
        self._registry = ConnectionRegistry(audit)
        self._pulse = PingTimer(self._registry, self._slots, MallocTrim(glibc_trim()), caps.ping_seconds)
        limits = Limits(caps.unsent_bytes, caps.close_seconds)
        self._buffer = ReadBuffer()
        self._upgrades = WebSocketUpgrade(
            tickets, chat, self._registry, audit, clock, limits, self._buffer, per_user=caps.per_user
        )
        self._listener = Listener(
            tls,
            self._slots,
            self._protocol,
            audit,
            proxies=Networks("listen.proxies", settings.listen.proxies),
            tls_seconds=caps.tls_seconds,
            close_seconds=caps.close_seconds,
        )
        self._http: HttpSetup | None = None

    @property
    def connections(self) -> int:
        """Return how many WebSocket connections are open."""
        return len(self._registry)

    @property
    def sockets(self) -> int:
        """Return how many sockets are open, of whatever kind."""
        return len(self._slots)

    async def start(self) -> list[tuple[str, int]]:
        """Listen, and return the addresses with their real ports. Raises SetupError."""
        host, port = listen_address(self._settings.listen.address)
        addresses = await self._listener.open(host, port)
        self._http = self._http_setup(addresses[0][1])
        self._pulse.start()
        return addresses

    async def stop(self) -> None:
        """Stop accepting, tell everybody 1001, and be rid of every socket within ``STOP_SECONDS``."""
        self._listener.close()
        self._pulse.stop()
        self._upgrades.stop()
        for connection in self._registry:
            connection.end(GOING_AWAY)
        for http in list(self._state.connections):
            http.shutdown()
        try:
            async with asyncio.timeout(STOP_SECONDS - _ABORT_SECONDS):
                await self._slots.empty()
        except TimeoutError:
            await self._abort_all()

    def end_sessions(self, sessions: Iterable[SessionId], code: CloseCode = SESSION_ENDED) -> None:
        """Close every socket of these sessions now (S1)."""
        self._registry.end_sessions(sessions, code)

    async def _abort_all(self) -> None:
        for connection in self._registry:
            connection.abort()
        for http in list(self._state.connections):
            http.transport.abort()
        for task in list(self._state.tasks):
            task.cancel()
        try:
            async with asyncio.timeout(_ABORT_SECONDS):
                await self._slots.empty()
        except TimeoutError:
            pass  # nothing more can be done for a socket that even abort() leaves

    def _protocol(self, slot: Slot) -> asyncio.Protocol:
        if self._http is None:
            raise RuntimeError("a socket was accepted before the server started")
        return http_protocol(self._http, slot)

    def _http_setup(self, port: int) -> HttpSetup:
        listen, caps = self._settings.listen, self._settings.connections
        return HttpSetup(
            config=self._config,
            state=self._state,
            rules=Rules(
                hosts=host_values(listen.names, port),
                origins=frozenset(origin.encode() for origin in listen.origins),
                body_cap=self._body_cap,
            ),
            audit=self._audit,
            upgrades=self._upgrades,
            buffer=self._buffer,
            request_seconds=caps.request_seconds,
            body_seconds=caps.body_seconds,
            body_bytes_per_second=caps.body_bytes_per_second,
            stalled_seconds=caps.stalled_seconds,
            close_seconds=caps.close_seconds,
        )
