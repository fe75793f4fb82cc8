"""The listening socket: accepts and counts connections before it starts TLS.

It replaces asyncio's own server, because a socket must be counted before it costs a TLS state (H6), a refused
address must cost nothing, and running out of file descriptors must neither stop the server nor fill its log.
A handshake that is not done in time is aborted (H5: slowloris). Everyone connects for themselves, so no
stranger can claim an address (L6), unless ``balancer`` knows their address: then they must say who their
client is, before TLS.
"""

import asyncio
import errno
import socket
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from parlour_server.core.addresses import listen_address, plain_address
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.errors import ParlourServerError, SetupError
from parlour_server.core.net.connection_slots import ConnectionSlots, Slot
from parlour_server.core.net.tls_context import TlsFiles

BACKLOG: Final = 1024
_ACCEPTS_AT_ONCE: Final = 64  # a flood of connections must not starve the open ones
_PAUSE_SECONDS: Final = 0.5
_LEAST_SECONDS: Final = 0.1
_OUT_OF_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

ProtocolFactory = Callable[[Slot, bytes], asyncio.BufferedProtocol]
"""Creates the protocol of an accepted socket, which owns the slot from its ``connection_made`` on.

The bytes are the digest of the public key that the server shows on this connection.
"""

ReadClient = Callable[[socket.socket], Awaitable[str | None]]
"""Reads, before TLS, whom a load balancer connects: a plain address, None for itself (a health check).

Raises ParlourServerError and OSError, which close the connection.
"""
Balancer = Callable[[str], ReadClient | None]
"""Returns what reads the client of a connection from this plain address; None unless it is a balancer's."""


@dataclass(frozen=True, slots=True)
class BeforeTls:
    """The questions about each accepted socket, before it costs anything."""

    refused: Sequence[Callable[[str], bool]] = ()
    """Whether a plain address may not connect now."""
    balancer: Balancer | None = None
    """Without one, everyone connects for themselves."""


async def bind(address: str) -> list[socket.socket]:
    """Return sockets that listen on `host:port`, one for each address of the host. Raises SetupError."""
    host, port = listen_address(address)
    sockets: list[socket.socket] = []
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
        for family, name in dict.fromkeys((info[0], info[4]) for info in infos):
            sockets.append(_listening(family, name))
    except OSError as error:
        for listening in sockets:
            listening.close()
        why = error.strerror or error
        raise SetupError(
            f"cannot listen on {address}: {why}; --listen HOST:PORT takes another address"
        ) from error
    return sockets


class Listener:
    """Accepts on one address until it is closed."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        tls: TlsFiles,
        slots: ConnectionSlots,
        make_protocol: ProtocolFactory,
        audit: Audit,
        before_tls: BeforeTls,
        *,
        tls_seconds: float,
        close_seconds: float,
    ) -> None:
        """Take bound sockets; call ``start``."""
        self._tls = tls
        self._slots = slots
        self._make_protocol = make_protocol
        self._audit = audit
        self._balancer = before_tls.balancer
        self._refused = before_tls.refused
        self._tls_seconds = tls_seconds
        self._close_seconds = close_seconds
        self._sockets = list(sockets)
        self._handshakes: dict[asyncio.Task[None], socket.socket] = {}
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    def start(self) -> None:
        """Start accepting."""
        loop = asyncio.get_running_loop()
        for listening in self._sockets:
            loop.add_reader(listening, self._accept_some, listening)

    def close(self) -> None:
        """Stop accepting, and abort handshakes in progress."""
        loop = asyncio.get_running_loop()
        for listening in self._sockets:
            if pause := self._pauses.pop(listening, None):
                pause.cancel()
            loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()
        for accepted in self._handshakes.values():
            # Not by cancelling the task: the layers above the socket clean up when it breaks.
            with suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)

    def _accept_some(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                accepted, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Other errors belong to one lost connection (accept(2)); the next one may work.
                if error.errno in _OUT_OF_RESOURCES:
                    self._pause(listening)
                return
            self._admit(accepted, plain_address(str(peer[0])))

    def _pause(self, listening: socket.socket) -> None:
        """Leave new connections in the kernel's queue for a moment, or the loop would spin on EMFILE."""
        loop = asyncio.get_running_loop()
        self._audit.record(AuditEvent.LIMIT_HIT, limit="file_descriptors", address="")
        loop.remove_reader(listening)
        self._pauses[listening] = loop.call_later(_PAUSE_SECONDS, self._resume, listening)

    def _resume(self, listening: socket.socket) -> None:
        del self._pauses[listening]
        asyncio.get_running_loop().add_reader(listening, self._accept_some, listening)

    def _admit(self, accepted: socket.socket, address: str) -> None:
        read_client = None if self._balancer is None else self._balancer(address)
        if read_client is None and self.refuses(address):
            accepted.close()
            self._note_refused(address)
            return
        slot = self._slots.take_for_balancer(address) if read_client else self._slots.take(address)
        if slot is None:
            accepted.close()
            self._audit.record(AuditEvent.LIMIT_HIT, limit="connections", address=address)
            return
        accepted.setblocking(False)
        work = self._serve_client(accepted, slot, read_client) if read_client else self._serve(accepted, slot)
        task = asyncio.get_running_loop().create_task(work)
        self._handshakes[task] = accepted
        task.add_done_callback(self._handshakes.pop)

    async def _serve(self, accepted: socket.socket, slot: Slot) -> None:
        if not await self._shake_hands(accepted, slot, self._tls_seconds):
            self._audit.record(AuditEvent.HANDSHAKE_REFUSED, reason="tls", address=slot.address)

    async def _serve_client(self, accepted: socket.socket, slot: Slot, read_client: ReadClient) -> None:
        """Serve a load balancer's client; what says who that is and TLS share one deadline."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._tls_seconds
        try:
            async with asyncio.timeout_at(deadline):
                client = await read_client(accepted)
        except (ParlourServerError, OSError):  # TimeoutError is an OSError
            self._drop(accepted, slot)
            self._audit.record(AuditEvent.HANDSHAKE_REFUSED, reason="proxy_header", address=slot.address)
            return
        if client is not None and self.refuses(client):
            self._drop(accepted, slot)
            self._note_refused(client)
            return
        if not slot.belong_to(client or slot.address):
            self._drop(accepted, slot)
            self._audit.record(AuditEvent.LIMIT_HIT, limit="connections", address=client or slot.address)
            return
        secured = await self._shake_hands(accepted, slot, max(deadline - loop.time(), _LEAST_SECONDS))
        if not secured and client is not None:  # a load balancer's health check may hang up here
            self._audit.record(AuditEvent.HANDSHAKE_REFUSED, reason="tls", address=slot.address)

    async def _shake_hands(self, accepted: socket.socket, slot: Slot, seconds: float) -> bool:
        """Do the TLS handshake; the protocol's ``connection_made`` is called when it is done."""
        protocol = self._make_protocol(slot, self._tls.key_digest)
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                accepted,
                ssl=self._tls.context,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=self._close_seconds,
            )
        except OSError as error:  # ssl.SSLError and TimeoutError are OSErrors
            # A frame of the loop's refers back to the error, and to the TLS engine.
            traceback.clear_frames(error.__traceback__)
            slot.release()
            return False
        if self.refuses(slot.address):  # since it was accepted
            transport.abort()
        if transport.is_closing():
            # asyncio does not report a connection that was lost between the handshake and here
            slot.release()
        return True

    def refuses(self, address: str) -> bool:
        """Return whether this plain address may not connect now."""
        return any(refused(address) for refused in self._refused)

    def _note_refused(self, address: str) -> None:
        self._audit.record(AuditEvent.HANDSHAKE_REFUSED, reason="banned", address=address)

    def _drop(self, accepted: socket.socket, slot: Slot) -> None:
        accepted.close()
        slot.release()


def _listening(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    # IPPROTO_TCP explicitly: asyncio sets TCP_NODELAY only on sockets that have it, and accepted
    # sockets inherit it. With Nagle's algorithm each answer would wait for 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
