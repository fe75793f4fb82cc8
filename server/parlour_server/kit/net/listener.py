"""The listening socket: accepts and counts connections before it starts TLS.

It replaces asyncio's own server, because a socket must be counted before it costs a TLS state (H6), a refused
address must cost nothing, and running out of file descriptors must neither stop the server nor fill its log.
A handshake that is not done in time is aborted (H5: slowloris). A connection from a configured load balancer
must begin with a PROXY header; from anyone else such a header is just a broken TLS hello, so no stranger can
claim an address (L6).
"""

import asyncio
import errno
import socket
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from parlour_server.kit.addresses import Networks, listen_address, plain_address
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.errors import SetupError
from parlour_server.kit.net import proxy_protocol
from parlour_server.kit.net.connection_slots import ConnectionSlots, Slot
from parlour_server.kit.net.proxy_protocol import ProxyHeader, ProxyHeaderError
from parlour_server.kit.net.tls_context import TlsFiles

BACKLOG: Final = 1024
_ACCEPTS_AT_ONCE: Final = 64  # a flood of connections must not starve the open ones
_PAUSE_SECONDS: Final = 0.5
_LEAST_SECONDS: Final = 0.1
_OUT_OF_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

ProtocolFactory = Callable[[Slot, bytes], asyncio.BufferedProtocol]
"""Creates the protocol of an accepted socket, which owns the slot from its ``connection_made`` on.

The bytes are the digest of the public key that the server shows on this connection.
"""


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
        *,
        proxies: Networks,
        refused: Sequence[Callable[[str], bool]],
        tls_seconds: float,
        close_seconds: float,
    ) -> None:
        """Take bound sockets; call ``start``. ``proxies`` are the trusted load balancers.

        ``refused`` say of a plain address whether it may not connect now.
        """
        self._tls = tls
        self._slots = slots
        self._make_protocol = make_protocol
        self._audit = audit
        self._proxies = proxies
        self._refused = refused
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
        is_proxy = address in self._proxies
        if not is_proxy and self.refuses(address):
            accepted.close()
            self._note_refused(address)
            return
        slot = self._slots.take_for_balancer(address) if is_proxy else self._slots.take(address)
        if slot is None:
            accepted.close()
            self._audit.record(AuditEvent.LIMIT_HIT, limit="connections", address=address)
            return
        accepted.setblocking(False)
        work = self._serve_proxied(accepted, slot) if is_proxy else self._serve(accepted, slot)
        task = asyncio.get_running_loop().create_task(work)
        self._handshakes[task] = accepted
        task.add_done_callback(self._handshakes.pop)

    async def _serve(self, accepted: socket.socket, slot: Slot) -> None:
        if not await self._shake_hands(accepted, slot, self._tls_seconds):
            self._audit.record(AuditEvent.HANDSHAKE_REFUSED, reason="tls", address=slot.address)

    async def _serve_proxied(self, accepted: socket.socket, slot: Slot) -> None:
        """Serve a load balancer's client; the PROXY header and TLS share one deadline."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._tls_seconds
        try:
            async with asyncio.timeout_at(deadline):
                header = await _read_header(accepted)
        except (ProxyHeaderError, OSError):  # TimeoutError is an OSError
            self._drop(accepted, slot)
            self._audit.record(AuditEvent.HANDSHAKE_REFUSED, reason="proxy_header", address=slot.address)
            return
        if header.client is not None and self.refuses(header.client):
            self._drop(accepted, slot)
            self._note_refused(header.client)
            return
        if not slot.belong_to(header.client or slot.address):
            self._drop(accepted, slot)
            self._audit.record(
                AuditEvent.LIMIT_HIT, limit="connections", address=header.client or slot.address
            )
            return
        secured = await self._shake_hands(accepted, slot, max(deadline - loop.time(), _LEAST_SECONDS))
        if not secured and header.client is not None:  # a load balancer's health check may hang up here
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


async def _read_header(accepted: socket.socket) -> ProxyHeader:
    """Read a PROXY header, and nothing after it. Raises ProxyHeaderError and OSError."""
    fixed = await _read_exactly(accepted, proxy_protocol.FIXED_BYTES)
    rest = proxy_protocol.header_size(fixed) - len(fixed)
    return proxy_protocol.parse(fixed + await _read_exactly(accepted, rest))


async def _read_exactly(accepted: socket.socket, size: int) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < size:
        more = await loop.sock_recv(accepted, size - len(data))
        if not more:
            raise ProxyHeaderError("the connection ended within the header")
        data += more
    return data


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
