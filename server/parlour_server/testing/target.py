"""A server that is attacked: its address, and what has to be known to speak with it.

It may be a program on the kit, or any other server in which people log in over HTTPS and open a WebSocket
with a ticket. ``TargetDescription`` says how that server does it and how it says no; the attacks that need
nothing else are in `wire_attacks.py`. Nothing of the kit's server runs here.
"""

import asyncio
import json
import socket as sockets
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from typing import Any, Final, TypeVar

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from parlour_protocol.kit import errors
from parlour_protocol.kit.limits import REQUEST_FRAME, SERVER_FRAME, TICKET_SECONDS
from parlour_server.core.net.quiet_logger import quiet_logger

PATIENCE: Final = 60.0
"""Seconds that anything may take, on a machine that has much else to do."""
OPENED: Final = 101
_LOOPBACK: Final = "127.0.0.1"


class RawSocket:
    """A WebSocket that can also send what no client should."""

    def __init__(
        self, protocol: ClientProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Wrap a TLS connection."""
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._answers = True
        self._texts: deque[bytes] = deque()
        """Read, and not asked for yet."""

    async def open(self, handshake: Handshake) -> None:
        """Send the handshake and read its answer. Raises InvalidStatus."""
        self._protocol.send_request(handshake)
        self._write()
        async with asyncio.timeout(PATIENCE):
            while self._protocol.state is State.CONNECTING:
                await self._read()
                if self._protocol.handshake_exc is not None:
                    raise self._protocol.handshake_exc

    def send_bytes(self, payload: bytes) -> None:
        """Send a text frame, whatever is in it."""
        self.send_frame(Opcode.TEXT, payload)

    def send_frame(
        self, opcode: Opcode, payload: bytes = b"", *, fin: bool = True, mask: bool = True
    ) -> None:
        """Send one frame of the WebSocket protocol."""
        if not self._writer.is_closing():
            self._writer.write(Frame(opcode, payload, fin).serialize(mask=mask))

    async def text(self) -> bytes:
        """Read the next text frame. Raises ConnectionError when there are no more."""
        async with asyncio.timeout(PATIENCE):
            while not self._texts:
                if self._ended:
                    raise ConnectionError(f"the server closed the connection: {self._protocol.close_code}")
                await self._read()
        return self._texts.popleft()

    async def close_code(self) -> int:
        """Read until the connection ends; return its close code, 1006 if it broke."""
        async with asyncio.timeout(PATIENCE):
            while not self._ended:
                await self._read()
        return self._protocol.close_code or 1006

    def stop_reading(self) -> None:
        """Take nothing more from the network."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def read_again(self) -> None:
        """Take what has come since ``stop_reading``."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    def stop_answering(self) -> None:
        """Answer nothing more by itself, such as pings."""
        self._answers = False

    async def abort(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()

    @property
    def _ended(self) -> bool:
        return self._protocol.state is State.CLOSED

    async def _read(self) -> None:
        try:
            data = await self._reader.read(65_536)
        except ConnectionError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._write()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._texts.append(bytes(event.data))

    def _write(self) -> None:
        for data in self._protocol.data_to_send():
            if data and self._answers and not self._writer.is_closing():
                self._writer.write(data)


_S = TypeVar("_S", bound=RawSocket)


async def open_socket(
    make: Callable[[ClientProtocol, asyncio.StreamReader, asyncio.StreamWriter], _S],
    port: int,
    context: ssl.SSLContext,
    path: str,
    *,
    name: str = "localhost",
    address: str = _LOOPBACK,
    subprotocol: str | None = None,
    headers: Mapping[str, str] | None = None,
    receive_buffer: int = 0,
    opened: Callable[[_S], object] = lambda _: None,
) -> _S:
    """Open a WebSocket; ``headers`` replace those of the handshake.

    ``opened`` gets it before the handshake, to close it in the end. Raises InvalidStatus.
    """
    protocol = ClientProtocol(
        parse_uri(f"wss://{name}:{port}{path}"),
        subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
        max_size=SERVER_FRAME.value,
        logger=quiet_logger("kit.testing"),
    )
    tcp = sockets.socket(sockets.AF_INET6 if ":" in address else sockets.AF_INET, sockets.SOCK_STREAM)
    if receive_buffer:
        tcp.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
    tcp.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(tcp, (address, port))
        reader, writer = await asyncio.open_connection(sock=tcp, ssl=context, server_hostname=name)
    except OSError:
        tcp.close()
        raise
    socket = make(protocol, reader, writer)
    opened(socket)
    handshake = protocol.connect()
    for header, value in (headers or {}).items():
        with suppress(KeyError):
            del handshake.headers[header]
        handshake.headers[header] = value
    await socket.open(handshake)
    return socket


async def https_call(
    port: int,
    context: ssl.SSLContext,
    method: str,
    path: str,
    body: object = None,
    *,
    bearer: str | None = None,
    headers: Mapping[str, str] | None = None,
    name: str = "localhost",
) -> tuple[int, bytes]:
    """Make a request with a JSON body; return the status and the body of its answer."""
    fields = dict(headers or {})
    if bearer is not None:
        fields["Authorization"] = f"Bearer {bearer}"
    content = None
    if body is not None:
        content, fields["Content-Type"] = json.dumps(body).encode(), "application/json"

    def call() -> tuple[int, bytes]:
        connection = HTTPSConnection(name, port, context=context, timeout=PATIENCE)
        try:
            connection.request(method, path, content, fields)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    return await asyncio.to_thread(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDescription:
    """How a server logs people in, and how it says no. What is not given is as on the kit.

    An attack passes only on exactly these statuses and close codes: a connection that merely broke is none.
    """

    socket: str
    """The path of the WebSocket."""
    ask: Callable[[], bytes]
    """Makes a request that someone who is logged in may send, and that is answered."""
    subprotocol: str | None = None
    login: str = "/v1/sessions"
    """Takes `username`, `password` and ``login_fields``; answers with `session`."""
    login_fields: Mapping[str, str] = field(default_factory=dict)
    tickets: str = "/v1/tickets"
    """Takes the session as the bearer; answers with `ticket`."""
    logout: tuple[str, str] = ("DELETE", "/v1/sessions/current")
    first_frame: Callable[[str], bytes] | None = None
    """How a ticket is presented in the first frame; None: in the header Authorization."""
    ticket_seconds: int = TICKET_SECONDS.value
    frame_bytes: int = REQUEST_FRAME.value

    wrong_password: int = 401
    too_many_logins: int = 429
    no_session: int = 401
    no_ticket: int = 401
    ticket_in_url: int = 401
    wrong_origin: int = 403
    wrong_host: int = 421
    binary: int = errors.UNSUPPORTED_DATA
    too_big: int = errors.TOO_BIG
    fragments: int = 200
    """More than one message may have. It is not the kit's own limit: a kit with a higher one fails."""
    too_many_fragments: int = errors.TOO_BIG
    not_utf_8: int = errors.INVALID_DATA
    not_masked: int = errors.PROTOCOL_ERROR
    too_many_pings: int = errors.TOO_FAST
    session_ended: int = errors.SESSION_ENDED
    # of a room (`room_attacks.py`)
    say: Callable[[str], bytes] = str.encode
    """Makes a request with a text that everyone who is connected gets."""
    body_too_large: int = 413
    malformed_body: int = 400
    malformed: int = errors.TOO_MANY_ERRORS
    too_fast: int = errors.TOO_FAST
    silent: int = errors.INTERNAL_ERROR


class AttackTarget:
    """A running server, and someone who has an account there."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        description: TargetDescription,
        *,
        username: str,
        password: str,
        api_port: int | None = None,
        name: str = "localhost",
        address: str = _LOOPBACK,
        forward: Callable[[float], object] | None = None,
        logs: Callable[[], str] = str,
    ) -> None:
        """``context`` trusts the server's certificate for ``name``, which is reached at ``address``.

        ``api_port``: of HTTPS, if it is not that of the WebSocket. ``forward`` lets seconds pass on the
        server's clock, without which attacks that need it are skipped; ``logs`` is what it has logged.
        """
        self.port = port
        self.context = context
        self.description = description
        self.username = username
        self.password = password
        self.name = name
        self.address = address
        self.forward = forward
        self.logs = logs
        self._api_port = api_port or port
        self._sockets: list[RawSocket] = []

    async def close(self) -> None:
        """Drop every connection."""
        for socket in self._sockets:
            await socket.abort()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        bearer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Make a request with a JSON body; return the status and the body of its answer."""
        return await https_call(
            self._api_port,
            self.context,
            method,
            path,
            body,
            bearer=bearer,
            headers=headers,
            name=self.name,
        )

    async def try_to_log_in(
        self, username: str, password: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return the status and the body of the answer to a login."""
        body = {"username": username, "password": password, **self.description.login_fields}
        return await self.call("POST", self.description.login, body, headers=headers)

    async def session(self) -> str:
        """Log in; return the session's token."""
        return await self._field("session", await self.try_to_log_in(self.username, self.password))

    async def ticket(self, session: str | None = None) -> str:
        """Get a ticket, with a session of its own if none is given."""
        bearer = session or await self.session()
        return await self._field("ticket", await self.call("POST", self.description.tickets, bearer=bearer))

    async def log_out(self, session: str) -> None:
        """End a session. Raises RuntimeError."""
        await self._field("", await self.call(*self.description.logout, bearer=session))

    async def connect(self, *, ticket: str, **how: Any) -> RawSocket:
        """Open a WebSocket (see ``open``), present the ticket, and read the first frame of the server.

        Raises InvalidStatus for a handshake that is refused, and ConnectionError for a ticket after it.
        """
        socket = await self.open(ticket=ticket, **how)
        await self._present(socket, ticket)
        return socket

    async def open(
        self,
        *,
        ticket: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        receive_buffer: int = 0,
    ) -> RawSocket:
        """Open a WebSocket, without a word in it. Raises InvalidStatus."""
        fields = {}
        if self.description.first_frame is None and ticket is not None:
            fields["Authorization"] = f"Bearer {ticket}"
        return await open_socket(
            RawSocket,
            self.port,
            self.context,
            self.description.socket + query,
            name=self.name,
            address=self.address,
            subprotocol=self.description.subprotocol,
            headers={**fields, **(headers or {})},
            receive_buffer=receive_buffer,
            opened=self._sockets.append,
        )

    async def refused(self, *, ticket: str | None = None, **how: Any) -> int:
        """Try to ``connect``: return the status or the close code of the refusal, 101 for none.

        Without a ticket the first frame is a request.
        """
        try:
            socket = await self.open(ticket=ticket, **how)
        except InvalidStatus as refusal:
            return refusal.response.status_code
        try:
            await self._present(socket, ticket)
        except ConnectionError:
            return await socket.close_code()
        return OPENED

    async def _present(self, socket: RawSocket, ticket: str | None) -> None:
        if self.description.first_frame is not None:
            first = self.description.ask() if ticket is None else self.description.first_frame(ticket)
            socket.send_bytes(first)
        await socket.text()

    async def _field(self, name: str, answer: tuple[int, bytes]) -> str:
        status, content = answer
        if status >= 400:  # noqa: PLR2004 - the first status of an error
            raise RuntimeError(f"{status} {content.decode()}")
        return str(json.loads(content)[name]) if name else ""
