"""A client that sends any bytes over real TLS, and a server process to send them to.

Nothing here speaks the protocol for the attacker: a test writes the bytes and looks at the bytes that come
back. Sockets block, with a deadline for each read; a test that needs many sends on all before it reads.
"""

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.processes import DEADLINE, Server

PATIENCE = DEADLINE
PASSWORD = "tigress-violin-marble"
KEY = base64.b64encode(b"k" * 16).decode()
ALLOWED_ORIGIN = "https://app.example"


@dataclass(frozen=True)
class Answer:
    """An HTTP response; status 0 means a connection that was closed without one."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header's value, or nothing."""
        return dict(self.headers).get(name, "")


NOTHING = Answer(0)


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
        except ConnectionError:
            return NOTHING

    def rest(self) -> bytes:
        """Read until the server closes."""
        with suppress(ConnectionError, ssl.SSLError):
            return self._stream.read()
        return b""

    def frame(self) -> tuple[int, bytes]:
        """Read one WebSocket frame: its opcode and payload. Raises EOFError at the end."""
        try:
            head = self._stream.read(2)
            if len(head) < 2:
                raise EOFError
            size = head[1] & 0x7F
            if size > 125:
                size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
            return head[0] & 0x0F, self._stream.read(size)
        except ConnectionError as error:
            raise EOFError from error

    def told(self, request: str) -> dict[str, Any]:
        """Read until the answer to a request."""
        return self.told_all([request])[0]

    def told_all(self, requests: Sequence[str]) -> list[dict[str, Any]]:
        """Read until all of them are answered: a refusal overtakes what waits for the disk."""
        answers: dict[str, dict[str, Any]] = {}
        while len(answers) < len(requests):
            opcode, payload = self.frame()
            if opcode == 8:
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
                if opcode == 8:
                    return int.from_bytes(payload[:2], "big")
        return 0

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self.socket.close()


class RunningServer(Server):
    """A server process, and what an attacker with an account can have."""

    def begin(self, settings: str = "") -> None:
        """Make its folder, with ``settings`` as its configuration, and start it."""
        self.command("init")
        (self.data / "parlour.toml").write_text(settings)
        self.start()

    @property
    def pid(self) -> int:
        """The process."""
        assert self.process is not None
        return self.process.pid

    @cached_property
    def trusting(self) -> ssl.SSLContext:
        """The context of a good client: it trusts this server alone."""
        return self.context()

    def context(self) -> ssl.SSLContext:
        """Return such a context for the test to change."""
        return ssl.create_default_context(cafile=os.fspath(self.data / "ca.pem"))

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
            return Wire((context or self.trusting).wrap_socket(raw, server_hostname="localhost"))
        except OSError:
            raw.close()
            raise

    def plain(self, *, source: str = "", receive_buffer: int = 0) -> socket.socket:
        """Connect without TLS; who calls it closes it."""
        raw = socket.socket()
        raw.settimeout(PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each handshake waits 40 ms for an ACK
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            if source:
                raw.bind((source, 0))
            raw.connect(("127.0.0.1", self.port))
        except OSError:
            raw.close()
            raise
        return raw

    def head(self, line: str = "GET /v1/chat HTTP/1.1", extra: str = "", **headers: str | None) -> bytes:
        """Return a good handshake; a keyword replaces a header (`_` for `-`), None leaves it out."""
        fields: dict[str, str | None] = {
            "host": f"localhost:{self.port}",
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-key": KEY,
            "sec-websocket-version": "13",
            "sec-websocket-protocol": "parlour.v1",
        }
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return ("\r\n".join([line, *lines]) + f"\r\n{extra}\r\n").encode("latin-1")

    def api(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Make one call of the HTTPS API, as a good client does."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.trusting, timeout=PATIENCE
        )
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

    def code(self) -> str:
        """Return an invite's code that makes one more account: five share an invite, to save processes."""
        codes: list[str] = self.__dict__.setdefault("_codes", [])
        if not codes:
            codes += [urlsplit(self.invite()).fragment.split("code=")[1].split("&")[0]] * 5
        return codes.pop()

    def session(self, user: str, *, invite: str = "") -> str:
        """Log someone in, after making the account where an invite's code is given; return the session."""
        if invite:
            body = {"invite": invite, "username": user, "password": PASSWORD}
            assert self.api("POST", "/v1/accounts", body).status == 201
        body = {"username": user, "password": PASSWORD, "device": "probe"}
        answer = self.api("POST", "/v1/sessions", body)
        assert answer.status == 201, answer
        session: str = json.loads(answer.body)["session"]
        return session

    def ticket(self, session: str) -> str:
        """Return a fresh ticket."""
        answer = self.api("POST", "/v1/tickets", headers={"Authorization": f"Bearer {session}"})
        assert answer.status == 201, answer
        ticket: str = json.loads(answer.body)["ticket"]
        return ticket

    @contextmanager
    def chatting(self, session: str, **how: Any) -> Iterator[tuple[Wire, str]]:
        """Open a WebSocket; gives the wire after the hello, and the lobby's id."""
        ticket = self.ticket(session)
        with self.wire(**how) as wire:
            assert wire.ask(self.head(authorization=f"Bearer {ticket}")).status == 101
            hello = json.loads(wire.frame()[1])
            yield wire, hello["rooms"][0]["room"]

    def memory(self) -> int:
        """Return the server's resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def holds(self, needle: bytes) -> bool:
        """Tell whether it stands anywhere in the server's memory that can be written, in use or not."""
        with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
            for line in Path(f"/proc/{self.pid}/maps").read_text().splitlines():
                span, rights, *_ = line.split()
                if "w" not in rights:
                    continue
                start, end = (int(part, 16) for part in span.split("-"))
                memory.seek(start)
                with suppress(OSError):  # the kernel's own
                    if needle in memory.read(end - start):
                        return True
        return False

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines of its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> None:
        """Stop it."""
        self.kill(signal.SIGTERM)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bool = True, rsv: int = 0) -> bytes:
    """Return one frame as a client sends it, or as it must not."""
    first, bit, size = (0x80 if fin else 0) | rsv | opcode, 0x80 if mask else 0, len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + (b"\0\0\0\0" if mask else b"") + payload  # a key of zeros masks as well as any


def request(kind: str, number: int, /, **fields: object) -> bytes:
    """Return a request of the protocol as one frame; its id is `probe-NUMBER`."""
    return frame(1, json.dumps({"type": kind, "id": f"probe-{number:010}", **fields}).encode())
