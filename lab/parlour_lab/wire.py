"""A client that sends any bytes over TLS, well formed or not, and reads what comes back.

Nothing here speaks the protocol for the attacker. Sockets block, with a deadline for each read; an attack
that needs many sends on all before it reads.
"""

import base64
import errno
import http.client
import json
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from parlour_lab.attack import NotTriedError

PATIENCE: Final = 20.0
"""Seconds after which a read has failed."""
PASSWORD: Final = "tigress-violin-marble"  # noqa: S105 - of people who exist for an attack
ALLOWED_ORIGIN: Final = "https://app.example"
OTHER_ORIGIN: Final = "https://other.example"
"""Of another page that the server allows."""
_DROPPED: Final = (ConnectionError, ssl.SSLError)
"""How a read ends when the server drops the connection: which of the two is a matter of time."""
_KEY: Final = base64.b64encode(b"k" * 16).decode()


@dataclass(frozen=True)
class Answer:
    """An HTTP response; status 0 means a connection that was closed without one."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header's value, or nothing."""
        return dict(self.headers).get(name, "")

    def __str__(self) -> str:
        """Return it as it is shown."""
        if not self.status:
            return "the connection was closed without an answer"
        fields = "".join(f"\n{name}: {value}" for name, value in self.headers)
        return f"HTTP/1.1 {self.status}{fields}\n\n{self.body.decode('utf-8', 'backslashreplace')}"


NOTHING: Final = Answer(0)


class Wire:
    """One TLS connection."""

    def __init__(self, raw: ssl.SSLSocket) -> None:
        self.socket = raw
        self._stream = raw.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes; a server that hangs up meanwhile is no failure of the sender."""
        with suppress(OSError):
            self.socket.sendall(data)

    def ask(self, data: bytes) -> Answer:
        """Send a request and read its response."""
        self.send(data)
        return self.answer()

    def answer(self) -> Answer:
        """Read one response."""
        try:
            first = self._stream.readline()
            if not first:
                return NOTHING
            headers = []
            while line := self._stream.readline().strip():
                name, _, value = line.decode("latin-1").partition(": ")
                headers.append((name.lower(), value))
            size = int(dict(headers).get("content-length", "0"))
            return Answer(int(first.split()[1]), tuple(headers), self._stream.read(size))
        except _DROPPED:
            return NOTHING

    def rest(self) -> bytes:
        """Read until the server closes."""
        with suppress(*_DROPPED):
            return self._stream.read()
        return b""

    def frame(self) -> tuple[int, bytes]:
        """Read one WebSocket frame: its opcode and payload. Raises EOFError at the end."""
        try:
            head = self._stream.read(2)
            if len(head) < 2:  # noqa: PLR2004 - what every frame begins with
                raise EOFError
            size = head[1] & 0x7F
            if size > 125:  # noqa: PLR2004 - RFC 6455 section 5.2
                size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")  # noqa: PLR2004
            return head[0] & 0x0F, self._stream.read(size)
        except _DROPPED as error:
            raise EOFError from error

    def told(self, request: str) -> dict[str, Any]:
        """Read until the answer to a request."""
        return self.told_all([request])[0]

    def told_all(self, requests: Sequence[str]) -> list[dict[str, Any]]:
        """Read until all of them are answered: a refusal overtakes what waits for the disk."""
        answers: dict[str, dict[str, Any]] = {}
        while len(answers) < len(requests):
            opcode, payload = self.frame()
            if opcode == 8:  # noqa: PLR2004 - close
                raise EOFError(struct.unpack("!H", payload[:2])[0])
            frame: dict[str, Any] = json.loads(payload) if opcode == 1 else {}
            if frame.get("re") in requests:
                answers[frame["re"]] = frame
        return [answers[request] for request in requests]

    def close_code(self) -> int:
        """Read until the close frame and return its code; 0 when the connection just ended."""
        with suppress(EOFError):
            while True:
                opcode, payload = self.frame()
                if opcode == 8:  # noqa: PLR2004 - close
                    return int.from_bytes(payload[:2], "big")
        return 0

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self.socket.close()


class ServerAddress:
    """Where a server is, the certificates it is known by, and what an attacker with an account can ask it."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, name: str = "localhost", ca: str = ""
    ) -> None:
        """Reach it at ``host``; ``name`` is in its certificate and in Host; ``ca`` are PEM certificates."""
        self.host = host
        self.port = port
        self.name = name
        self.ca = ca
        self.invite_code = ""
        """The code of an invite that is good for many accounts."""
        self.patience = PATIENCE
        """Seconds after which a read has failed."""
        self.sessions: Mapping[str, str] = {}
        """Of people who have an account."""

    @cached_property
    def trusting(self) -> ssl.SSLContext:
        """The context of a good client: it trusts this server only."""
        return self.context()

    def context(self) -> ssl.SSLContext:
        """Return such a context, to be changed."""
        return ssl.create_default_context(cadata=self.ca)

    @contextmanager
    def wire(
        self, *, source: str = "", receive_buffer: int = 0, context: ssl.SSLContext | None = None
    ) -> Iterator[Wire]:
        """Connect over TLS, from another loopback address where ``source`` says so."""
        made = self.connect(source=source, receive_buffer=receive_buffer, context=context)
        try:
            yield made
        finally:
            made.close()

    def connect(
        self, *, source: str = "", receive_buffer: int = 0, context: ssl.SSLContext | None = None
    ) -> Wire:
        """Connect over TLS; who calls it closes it."""
        raw = self.plain(source=source, receive_buffer=receive_buffer)
        try:
            return Wire((context or self.trusting).wrap_socket(raw, server_hostname=self.name))
        except OSError:
            raw.close()
            raise

    def plain(self, *, source: str = "", receive_buffer: int = 0) -> socket.socket:
        """Connect without TLS; who calls it closes it."""
        raw = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        raw.settimeout(self.patience)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each handshake waits 40 ms for an ACK
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            if source:
                raw.bind((source, 0))
            raw.connect((self.host, self.port))
        except OSError as error:
            raw.close()
            if source and error.errno == errno.EADDRNOTAVAIL:
                raise NotTriedError(f"this machine has no {source}; Linux has all of 127.0.0.0/8") from error
            raise
        return raw

    def head(self, line: str = "GET /v1/chat HTTP/1.1", extra: str = "", **headers: str | None) -> bytes:
        """Return a good handshake; a keyword replaces a header (`_` for `-`), None leaves it out."""
        fields: dict[str, str | None] = {
            "host": f"{self.name}:{self.port}",
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-key": _KEY,
            "sec-websocket-version": "13",
            "sec-websocket-protocol": "parlour.v1",
        }
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return ("\r\n".join([line, *lines]) + f"\r\n{extra}\r\n").encode("latin-1")

    def api(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        source: str = "",
    ) -> Answer:
        """Make one call of the HTTPS API, as a good client does."""
        context = self.trusting
        connection = http.client.HTTPSConnection(self.name, self.port, context=context, timeout=self.patience)
        connection.sock = self.connect(source=source).socket
        sent = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(
                method, path, None if body is None else json.dumps(body), sent | dict(headers or {})
            )
            response = connection.getresponse()
            fields = tuple((name.lower(), value) for name, value in response.getheaders())
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def create_account(self, user: str, invite: str) -> Answer:
        """Make an account."""
        return self.api("POST", "/v1/accounts", {"invite": invite, "username": user, "password": PASSWORD})

    def log_in(self, user: str) -> str:
        """Log someone in who has an account; return the session."""
        answer = self.api("POST", "/v1/sessions", {"username": user, "password": PASSWORD, "device": "probe"})
        assert answer.status == 201, answer  # noqa: S101, PLR2004 - what attacks build on
        return str(json.loads(answer.body)["session"])

    def session(self, user: str = "mallory") -> str:
        """Return the session of someone who has one. Mallory attacks."""
        return self.sessions[user]

    def newcomer(self, user: str) -> str:
        """Make an account and log it in; return the session. It takes a third of a second."""
        answer = self.create_account(user, self.invite_code)
        assert answer.status == 201, answer  # noqa: S101, PLR2004 - what attacks build on
        return self.log_in(user)

    def ticket(self, session: str) -> str:
        """Return a new ticket."""
        answer = self.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"})
        assert answer.status == 201, answer  # noqa: S101, PLR2004 - the same
        return str(json.loads(answer.body)["ticket"])

    @contextmanager
    def chatting(self, session: str, **how: Any) -> Iterator[tuple[Wire, str]]:
        """Open a WebSocket; gives the wire after the hello, and the lobby's id."""
        ticket = self.ticket(session)
        with self.wire(**how) as wire:
            answer = wire.ask(self.head(authorization=f"Bearer {ticket}"))
            assert answer.status == 101, answer  # noqa: S101, PLR2004 - the same
            hello = json.loads(wire.frame()[1])
            yield wire, hello["rooms"][0]["room"]


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bool = True, rsv: int = 0) -> bytes:
    """Return one frame as a client sends it, or as it must not."""
    first, bit, size = (0x80 if fin else 0) | rsv | opcode, 0x80 if mask else 0, len(payload)
    if size < 126:  # noqa: PLR2004 - RFC 6455 section 5.2
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:  # noqa: PLR2004 - the same
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + (b"\0\0\0\0" if mask else b"") + payload  # a key of zeros masks as well as any


def request(kind: str, number: int, /, **fields: object) -> bytes:
    """Return a request of the protocol as one frame; its id is `probe-NUMBER`."""
    return frame(1, json.dumps({"type": kind, "id": f"probe-{number:010}", **fields}).encode())
