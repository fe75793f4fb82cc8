"""A server on loopback with an echoing service, and a client that can send any bytes."""

import asyncio
import base64
import datetime as dt
import ipaddress
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.errors import SESSION_ENDED
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_server.app.hooks import Hooks
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.tables.sessions import SessionStore
from parlour_server.core.accounts.tickets import TicketRedemption
from parlour_server.core.audit import Audit
from parlour_server.core.config.server_settings import Connections, Listen, Settings
from parlour_server.core.connections.connection import PeerConnection, text_frame
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.https.operations import Operations
from parlour_server.core.net.gate import BodyCap
from parlour_server.core.net.listener import Balancer, BeforeTls, bind
from parlour_server.core.net.net_server import NetServer
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import TicketGrant
from parlour_server.host.event_loops import LoopFactory, loop_factory

PATIENCE = 60.0  # a test that waits longer has failed
SMALL_BODIES = Operations().body_cap
"""No operation of the kit takes more than an ordinary JSON body."""


@dataclass(frozen=True)
class Pair:
    """A certificate for localhost and its key, as files."""

    certificate: Path
    key: Path

    def trusting_context(self) -> ssl.SSLContext:
        """Return a client context that trusts only this certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))


def make_pair(folder: Path, name: str = "server") -> Pair:
    """Write a self-signed certificate for localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pair.key.touch(mode=0o600)
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pair


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return a certificate and key for the whole run."""
    return make_pair(tmp_path_factory.mktemp("tls"))


@dataclass
class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False
    millis: int = 1_700_000_000_000
    seconds: float = 1000.0

    def now(self) -> Millis:
        """Return the time of day."""
        return Millis(self.millis)

    def monotonic(self) -> float:
        """Return the monotonic time."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Wait for real."""
        await asyncio.sleep(seconds)


@dataclass
class TestAudit(Audit):
    """Keeps what is recorded."""

    __test__ = False
    lines: list[tuple[StrEnum, dict[str, Any]]] = field(default_factory=list)

    def record(self, event: StrEnum, **fields: str | float | bool | None) -> None:
        """Keep one line."""
        self.lines.append((event, fields))

    def of(self, event: StrEnum) -> list[dict[str, Any]]:
        """Return the fields of every line of this kind."""
        return [fields for kind, fields in self.lines if kind is event]


class MemoryTickets:
    """Tickets in a dict; ``take`` yields to the loop before it looks, as a real store does."""

    def __init__(self) -> None:
        """Begin empty."""
        self.grants: dict[bytes, TicketGrant] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.taken: list[bytes] = []

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Keep a ticket."""
        del seconds
        self.grants[ticket] = grant

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Take a ticket."""
        self.taken.append(ticket)
        await asyncio.sleep(0)
        await self.may_answer.wait()
        return self.grants.pop(ticket, None)


class EchoService:
    """Greets with the text `hello`, echoes every message, and records its calls."""

    def __init__(self) -> None:
        """Begin without peers."""
        self.wire = WIRE
        self.peers: list[PeerConnection] = []
        self.messages: list[bytes] = []
        self.closed_peers: list[PeerConnection] = []
        self.on_message: Callable[[PeerConnection, bytes], None] = lambda peer, data: peer.write(
            text_frame(data)
        )

    def opened(self, peer: PeerConnection) -> None:
        """Greet."""
        self.peers.append(peer)
        peer.write(text_frame(b"hello"))

    def received(self, peer: PeerConnection, data: bytes) -> None:
        """Echo."""
        self.messages.append(data)
        self.on_message(peer, data)

    def closed(self, peer: PeerConnection) -> None:
        """Note it."""
        self.closed_peers.append(peer)


async def api(scope: Any, receive: Any, send: Any) -> None:
    """Answer every request with 200 and its body."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = scope["path"].encode() + b" " + body
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def client_frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bool = True, rsv: int = 0
) -> bytes:
    """Return one frame as a client sends it, or as it must not."""
    first = (0x80 if fin else 0) | rsv | opcode
    size, bit = len(payload), 0x80 if mask else 0
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


@dataclass
class Answer:
    """An HTTP response, or its beginning."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A TLS connection to the server that sends given bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap a connection."""
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    def send_frame(self, opcode: int, payload: bytes = b"", **how: Any) -> None:
        """Send one frame; ``how`` is that of ``client_frame``."""
        self.writer.write(client_frame(opcode, payload, **how))

    async def answer(self) -> Answer:
        """Read one HTTP response."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split()[1]), headers, body)

    async def ask(self, data: bytes) -> Answer:
        """Send a request and read its response."""
        self.send(data)
        return await self.answer()

    async def frame(self) -> tuple[int, bytes]:
        """Read one frame: its opcode and payload."""
        async with asyncio.timeout(PATIENCE):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """Read until the close frame and return its code."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")

    async def rest(self) -> bytes:
        """Read until the server closes; a reset is a close."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def close(self) -> None:
        """Hang up."""
        self.writer.transport.abort()
        with suppress(OSError):
            await self.writer.wait_closed()


class Bench:
    """A running server and what surrounds it."""

    server: NetServer

    def __init__(
        self, pair: Pair, caps: dict[str, Any], listen: dict[str, Any], app: Any, body_cap: BodyCap
    ) -> None:
        """Prepare what the server needs; ``start`` runs it."""
        self.pair = pair
        self.clock = TestClock()
        self.audit = TestAudit()
        self.tickets = MemoryTickets()
        self.chat = EchoService()
        self.tls = TlsFiles(pair.certificate, pair.key)
        self.settings = Settings(
            listen=Listen(address="127.0.0.1:0", **listen), connections=Connections(**caps)
        )
        self.hooks = Hooks()
        self._app = app
        self._body_cap = body_cap
        self.port = 0
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Begin to serve."""
        self.server = NetServer(
            self.settings,
            await bind(self.settings.listen.address),
            self.tls,
            cast("ConnectionService[Any]", self.chat),
            self._app,
            self._body_cap,
            TicketRedemption(
                self.tickets,
                cast("SessionStore", self),
                cast("LoginThrottle", self),
                self.clock,
            ),
            BeforeTls(self.hooks.refused, self.hooks.balancer),
            self.audit,
            Quotas(),
        )
        self.hooks.close_refused = self.server.close_refused
        [(_, self.port)] = self.server.serve()

    async def stop(self) -> None:
        """Hang up the clients and stop the server."""
        await self._stack.aclose()
        await self.server.stop()

    async def used(self, _name: str, _address: str) -> None:
        """Take note of a familiar address: none is looked at here."""

    async def granted_now(self, grant: TicketGrant, _now: Millis) -> TicketGrant:
        """Return the grant: these sessions do not end."""
        return grant

    def end_session(self, session: str) -> None:
        """End the connections of a session, as the connection service does."""
        for connection in self.chat.peers:
            if connection.info.grant.session == session:
                connection.end(SESSION_ENDED)

    def give_the_next_request(self, seconds: float) -> None:
        """Cut open HTTP connections off earlier from now on: what came before had the time that it needed."""
        for http in self.server._http.connections:
            http._setup = replace(http._setup, request_seconds=seconds)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop run until the condition holds."""
        await until(condition)

    async def ticket(
        self, *, user: str = "ada", session: str = "s" * 22, lasts: int = 10**9, key: bytes | None = None
    ) -> str:
        """Issue a ticket."""
        secret = Secret.random()
        grant = TicketGrant(
            SessionId(session),
            parse_user_name(user),
            parse_device_name("laptop"),
            Millis(self.clock.millis + lasts),
            public_key=key,
        )
        await self.tickets.put(secret.digest(), grant, seconds=30)
        return secret.reveal()

    async def plain(self) -> Wire:
        """Connect without TLS."""
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        self._stack.push_async_callback(wire.close)
        return wire

    async def wire(self, *, receive_buffer: int = 0, before_tls: bytes = b"") -> Wire:
        """Connect over TLS, after sending ``before_tls`` in the clear."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        context = self.pair.trusting_context()
        try:
            async with asyncio.timeout(PATIENCE):
                await loop.sock_connect(sock, ("127.0.0.1", self.port))
                await loop.sock_sendall(sock, before_tls)
                reader, writer = await asyncio.open_connection(
                    sock=sock, ssl=context, server_hostname="localhost", limit=2**20
                )
        except OSError:
            sock.close()
            raise
        wire = Wire(reader, writer)
        self._stack.push_async_callback(wire.close)
        return wire

    def request(self, line: str = "GET /v1/chat HTTP/1.1", **headers: str | None) -> bytes:
        """Return a handshake; a keyword replaces a header (`_` for `-`), None leaves it out."""
        fields: dict[str, str | None] = {
            "host": f"localhost:{self.port}",
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-key": base64.b64encode(b"k" * 16).decode(),
            "sec-websocket-version": "13",
            "sec-websocket-protocol": "parlour.v1",
        }
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return "\r\n".join([line, *lines, "", ""]).encode("latin-1")

    async def chatting(self, *, receive_buffer: int = 0, **who: Any) -> Wire:
        """Open a WebSocket and read the greeting."""
        wire = await self.wire(receive_buffer=receive_buffer)
        ticket = await self.ticket(**who)
        answer = await wire.ask(self.request(authorization=f"Bearer {ticket}"))
        assert answer.status == 101
        assert await wire.frame() == (1, b"hello")
        return wire


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the server sets no event for what tests look at
            await asyncio.sleep(0.001)


BenchMaker = Callable[..., Any]


@pytest.fixture
def bench(pair: Pair) -> BenchMaker:
    """Make servers, each with the connection settings that a test names."""

    @asynccontextmanager
    async def running(
        *,
        origins: tuple[str, ...] = (),
        balancer: Balancer | None = None,
        app: Any = api,
        body_cap: BodyCap = SMALL_BODIES,
        service: Any = None,
        **caps: Any,
    ) -> AsyncIterator[Bench]:
        caps.setdefault("ping_seconds", 3600)  # no ping comes between what a test waits for
        made = Bench(pair, caps, {"origins": origins}, app, body_cap)
        made.hooks.balancer = balancer
        made.chat = service or made.chat
        await made.start()
        try:
            yield made
        finally:
            await made.stop()

    return running


@pytest.fixture(params=["asyncio", "uvloop", "fastnet", "fast"])
def every_loop(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Return a function that runs a scenario on one kind of event loop."""
    pytest.importorskip({"asyncio": "asyncio", "uvloop": "uvloop"}.get(request.param, "aiofastnet"))
    factory: LoopFactory = loop_factory(request.param)

    def run(scenario: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            await scenario()

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())

    return run
