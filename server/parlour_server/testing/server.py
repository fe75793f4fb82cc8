"""A program's real server for its tests: on loopback with TLS, in a data folder of the test's own.

People get their accounts, sessions and tickets over HTTPS, as everyone does. Only hashing passwords is made
cheap. A socket is a WebSocket that can also send what no client should.
"""

import asyncio
import io
import json
import logging
import ssl
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyotp.totp import TOTP
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus

from parlour_protocol.kit.frames import Answer, Greeting, Push, Request
from parlour_protocol.kit.invite_link import InviteLink, ServerAddress
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import PROOF_HEADER, Proof, Redemption, SessionKey
from parlour_protocol.kit.wire import Wire
from parlour_server.app.base_app import BaseApp
from parlour_server.app.parts import Parts
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.clock import Clock, SystemClock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.core.output import captured
from parlour_server.host.cli.command_line import CommandLine
from parlour_server.host.config.settings_loader import load
from parlour_server.host.server import Server
from parlour_server.host.setup.initialise import initialise
from parlour_server.testing.target import PATIENCE, RawSocket, https_call, open_socket

PASSWORD: Final = "tigress-violin-marble"  # noqa: S105 - of people who exist in tests only


class World:
    """A running server, its people, and what it logs."""

    def __init__(
        self, app: BaseApp[Any, Any], data: Path, port: int, parts: Parts[Any, Any] | None = None
    ) -> None:
        """Speak with the server of ``data`` on this port; ``parts`` are those of a server in this process."""
        self.app = app
        self.wire: Wire[Any, Any] = app.wire
        self.data = data
        self.port = port
        self.logs: Sequence[Mapping[str, Any]] = ()
        """The lines of a server in this process."""
        self.expects_faults = False
        """Whether the test has looked at the faults; one that has not fails if there are any."""
        self._parts = parts
        self._stack = AsyncExitStack()

    @property
    def parts(self) -> Parts[Any, Any]:
        """The parts that the program was started with. Only for a server in this process."""
        if self._parts is None:
            raise RuntimeError("this server is another process")
        return self._parts

    async def __aenter__(self) -> Self:
        """Begin; every socket is closed at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every socket."""
        await self._stack.aclose()

    @property
    def faults(self) -> list[Mapping[str, Any]]:
        """The errors that a server in this process did not expect, and survived.

        A test that has not asked for them fails in the end if there are any.
        """
        self.expects_faults = True
        return [line for line in self.logs if line["event"] == "fault"]

    def audit(self, event: StrEnum) -> list[Mapping[str, Any]]:
        """Return the lines of the audit log about this, of a server in this process."""
        return [line for line in self.logs if line["event"] == event and line.get("audit")]

    async def command(self, *words: str) -> str:
        """Run a command of the operator, such as `session end ada --all`; return what it prints."""

        def run() -> str:
            with redirect_stdout(io.StringIO()) as out:
                app = self.app
                line = CommandLine(
                    app.name,
                    lambda: app,
                    about="",
                    example="",
                    commands=app.commands,
                    capabilities=app.capabilities,
                )
                status = line.run((*words, "--data", str(self.data)))
            if status:
                raise RuntimeError(f"{' '.join(words)} ended with {status}")
            return out.getvalue()

        return await asyncio.to_thread(run)  # a command runs an event loop of its own

    @asynccontextmanager
    async def reading_again(self, what: str) -> AsyncIterator[None]:
        """Wait at the end of the block until the server has read this again (``Hooks.read_again``)."""
        reads, done = self.parts.hooks.read_again, asyncio.Event()
        read = reads[what]

        async def noticed() -> None:
            await read()
            done.set()

        reads[what] = noticed
        try:
            yield
            async with asyncio.timeout(PATIENCE):
                await done.wait()
        finally:
            reads[what] = read

    async def invite(self, *options: str) -> str:
        """Return the code of a new invite; ``options`` are of `invite create`."""
        return (await self.link(*options)).code.reveal()

    async def link(self, *options: str) -> InviteLink:
        """Return a new invite link to this server, for a client."""
        printed = json.loads(await self.command("invite", "create", *options, "--json"))
        link, _ = InviteLink.parse_with(printed["link"], self.app.link_fields, self.app.name.word)
        return replace(link, address=ServerAddress(link.address.host, self.port))

    async def person(self, name: str, *options: str) -> "Person":
        """Invite someone (see ``invite``), who makes an account and logs in."""
        account = {"username": name, "password": PASSWORD, "invite": await self.invite(*options)}
        await self.api("POST", "/v1/accounts", account)
        return await self.log_in(name)

    async def log_in(self, name: str, device: str = "laptop", key: "Key | None" = None) -> "Person":
        """Begin another session of someone who has an account, bound to ``key`` if there is one."""
        login = {"username": name, "password": PASSWORD, "device": device}
        if key is not None:
            login["key"] = key.public.text
        return Person(self, name, (await self.api("POST", "/v1/sessions", login))["session"], key)

    async def api(self, method: str, path: str, body: object = None, *, bearer: str | None = None) -> Any:
        """Call an operation of the HTTPS API; return the JSON of its answer, None for an empty one.

        Raises RuntimeError with the status and the answer if it is refused.
        """
        status, answer = await https_call(self.port, self._context(), method, path, body, bearer=bearer)
        if status >= 400:  # noqa: PLR2004 - the first status of an error
            raise RuntimeError(f"{method} {path}: {status} {answer.decode()}")
        return json.loads(answer) if answer else None

    async def connect(
        self,
        *,
        ticket: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        receive_buffer: int = 0,
    ) -> "Socket":
        """Open a WebSocket. ``headers`` replace those of the handshake.

        Raises InvalidStatus for a handshake that the server refuses.
        """
        fields = {} if ticket is None else {"Authorization": f"Bearer {ticket}"}
        return await open_socket(
            partial(Socket, self.wire),
            self.port,
            self._context(),
            self.wire.path + query,
            subprotocol=self.wire.subprotocol,
            headers={**fields, **(headers or {})},
            receive_buffer=receive_buffer,
            opened=lambda socket: self._stack.push_async_callback(socket.abort),
        )

    @asynccontextmanager
    async def https(self) -> AsyncIterator["Https"]:
        """Open a TLS connection for several requests of the HTTPS API."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self._context(), server_hostname="localhost"
        )
        try:
            yield Https(self, reader, writer)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def refused(self, **how: Any) -> int:
        """Try to open a WebSocket (see ``connect``); return the status of the refusal, 101 for none."""
        try:
            await self.connect(**how)
        except InvalidStatus as refusal:
            return refusal.response.status_code
        return 101

    def redemption(self, ticket: str) -> Redemption:
        """Return the request that redeems a ticket here, which a session's key has to sign."""
        host = f"localhost:{self.port}"
        return Redemption(Secret(ticket).digest(), host, self._server_key(), self.wire.path)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.data / "ca.pem"))

    def _server_key(self) -> bytes:
        return TlsFiles(self.app.folder(self.data).certificate, self.app.folder(self.data).key).key_digest


class Key:
    """The key of a session."""

    def __init__(self) -> None:
        """Generate one."""
        self._private = Ed25519PrivateKey.generate()
        self.public = SessionKey(self._private.public_key().public_bytes_raw())

    def prove(self, redemption: Redemption) -> str:
        """Return the header that proves the key for this request."""
        return Proof(self._private.sign(redemption.to_be_signed())).text


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who is logged in on one device."""

    world: World
    name: str
    session: str = field(repr=False)
    """The bearer token."""
    key: Key | None = None
    """The key that the session is bound to."""

    def proof(self, ticket: str) -> dict[str, str]:
        """Return the headers with the proof for a ticket; none for a session without a key."""
        return {PROOF_HEADER: self.key.prove(self.world.redemption(ticket))} if self.key else {}

    async def ticket(self) -> str:
        """Get a ticket for one WebSocket."""
        ticket: str = (await self.world.api("POST", "/v1/tickets", bearer=self.session))["ticket"]
        return ticket

    async def ticket_for(self, connection: "Https") -> str:
        """Get a ticket that opens a WebSocket on this connection only."""
        status, answer = await connection.request(
            "POST", "/v1/tickets", {"Authorization": f"Bearer {self.session}"}, {"here": True}
        )
        if status != HTTPStatus.CREATED:
            raise RuntimeError(f"POST /v1/tickets: {status} {answer.decode()}")
        ticket: str = json.loads(answer)["ticket"]
        return ticket

    async def connect(self, **how: Any) -> "Socket":
        """Open a WebSocket (see ``World.connect``) and read the greeting."""
        ticket = await self.ticket()
        headers = {**self.proof(ticket), **how.pop("headers", {})}
        socket = await self.world.connect(ticket=ticket, headers=headers, **how)
        await socket.greeting()
        return socket

    async def set_up_codes(self, now: Callable[[], float] = time.time) -> "Codes":
        """Set up codes of an app as the second factor; ``now`` is the server's time of day in seconds."""
        call = partial(self.world.api, bearer=self.session)
        begun = await call("POST", "/v1/second-factors/totp", {"name": "app", "password": PASSWORD})
        codes = Codes(begun["secret"], now)
        await call("POST", f"/v1/second-factors/{begun['id']}/totp", {"code": codes.code()})
        return codes

    async def log_out(self) -> None:
        """End the session."""
        await self.world.api("DELETE", "/v1/sessions/current", bearer=self.session)


@dataclass(frozen=True, slots=True)
class Codes:
    """An app that shows codes (TOTP)."""

    secret: str = field(repr=False)
    now: Callable[[], float]

    def code(self) -> str:
        """Return the code of this half minute."""
        return TOTP(self.secret).at(int(self.now()))


class Https:
    """A TLS connection for requests of the HTTPS API, one after another."""

    def __init__(self, world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap a TLS connection."""
        self._world = world
        self._reader = reader
        self._writer = writer

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> tuple[int, bytes]:
        """Make a request; return the status and the body of its answer."""
        content = b"" if body is None else json.dumps(body).encode()
        fields = {"Host": f"localhost:{self._world.port}", "Content-Length": str(len(content)), **headers}
        if content:
            fields["Content-Type"] = "application/json"
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self._writer.write("\r\n".join(lines).encode() + content)
        async with asyncio.timeout(PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            sizes = [line.split(": ")[1] for line in head if line.startswith("content-length: ")]
            answer = await self._reader.readexactly(int(sizes[0])) if sizes else b""
        return int(head[0].split()[1]), answer

    async def upgrade(self, ticket: str, headers: Mapping[str, str] | None = None) -> int:
        """Try to make it a WebSocket; return the status of the answer."""
        fields = {
            "Authorization": f"Bearer {ticket}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "a2tra2tra2tra2tra2traw==",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": self._world.wire.subprotocol,
        }
        status, _ = await self.request("GET", self._world.wire.path, {**fields, **(headers or {})})
        return status


class Socket(RawSocket):
    """A WebSocket to a program, with its frames."""

    def __init__(
        self,
        wire: Wire[Any, Any],
        protocol: ClientProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Wrap a TLS connection."""
        super().__init__(protocol, reader, writer)
        self._wire = wire
        self._frames: deque[Any] = deque()
        """Read, and not asked for yet."""
        self.greeted: Greeting | None = None
        """The first frame."""

    async def greeting(self) -> Greeting:
        """Read the first frame."""
        greeting: Greeting = await self._next(Greeting)
        self.greeted = greeting
        return greeting

    def send(self, request: Request) -> None:
        """Send a request."""
        self.send_bytes(self._wire.encode(request))

    async def answer(self) -> Answer:
        """Read the next answer. Pushes before it are kept for ``push``."""
        answer: Answer = await self._next(Answer)
        return answer

    async def ask(self, request: Request) -> Answer:
        """Send a request and read the next answer."""
        self.send(request)
        return await self.answer()

    async def push(self) -> Push:
        """Read the next push. Answers before it are kept for ``answer``."""
        push: Push = await self._next(Push)
        return push

    async def _next(self, kind: type[Any]) -> Any:
        for frame in self._frames:
            if isinstance(frame, kind):
                self._frames.remove(frame)
                return frame
        while True:
            frame = self._wire.decode_server_frame(await self.text())
            if isinstance(frame, kind):
                return frame
            self._frames.append(frame)


class _Faults(logging.Handler):
    """Keeps the errors that the server did not expect, which it has survived."""

    def __init__(self, lines: list[dict[str, object]]) -> None:
        super().__init__(logging.ERROR)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append({"event": "fault", "text": record.getMessage()})


@contextmanager
def _logged() -> Iterator[Sequence[Mapping[str, Any]]]:
    """Keep what the server logs. Print its faults: pytest shows them with a test that failed."""
    logger = logging.getLogger("parlour_server")
    with captured() as lines:
        faults = _Faults(lines)
        logger.addHandler(faults)
        try:
            yield lines
        finally:
            logger.removeHandler(faults)
            for text in dict.fromkeys(str(line) for line in lines if line["event"] == "fault"):
                print(f"fault of the server: {text}", file=sys.stderr)  # noqa: T201 - see above


@asynccontextmanager
async def running(
    program: BaseApp[Any, Any],
    data: Path,
    *,
    given: Mapping[str, Any] | None = None,
    change: Callable[[Any], Settings] = lambda settings: settings,
    clock: Clock | None = None,
) -> AsyncIterator[World]:
    """Run the program's server in this process, with ``data`` as its folder, which is made if it is missing.

    ``given`` are settings (`section.key`) that `init` writes into the configuration, which commands read as
    well; ``change`` returns other settings than those, for the server only. With a ``FakeClock`` (`clock.py`)
    only the test lets time pass: sessions expire, budgets refill and ``app.clock.sleep`` returns when it
    calls ``forward``. Raises AssertionError in the end if the server had faults, unless the test asked for
    them (``World.faults``).
    """
    program.check()
    folder, clock = program.folder(data), clock or SystemClock()
    await initialise(program, folder, (), clock, given=given)
    settings = load(folder.settings, program.settings_type, program.name)
    settings = msgspec.structs.replace(
        settings, listen=msgspec.structs.replace(settings.listen, address="127.0.0.1:0")
    )
    cheap = HashingPool(threads=1, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with _logged() as logs:
        server = await Server.start(
            program,
            folder,
            change(settings),
            passwords=cheap,
            clock=clock,
        )
        try:
            async with World(program, data, int(server.url.rpartition(":")[2]), server.parts) as world:
                world.logs = logs
                yield world
        finally:
            await server.stop()
        if not world.expects_faults and world.faults:
            raise AssertionError(f"the server had faults: {world.faults}")
