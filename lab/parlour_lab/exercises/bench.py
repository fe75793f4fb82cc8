"""What someone attacks with in an exercise: ``Bench``, ``lab`` in the shell, which notes all that is done.

Whether an attack worked is decided from these notes: what was sent to the server, and what it answered.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parlour_lab.target import LabServer
from parlour_lab.wire import PATIENCE, Answer, Wire, frame, request

_TICKET = re.compile(rb"[A-Za-z0-9_-]{43}")


class Socket:
    """A connection: its handshake, and every frame in both directions."""

    def __init__(self, wire: Wire, head: bytes) -> None:
        """Send a handshake over TLS, and read its answer."""
        self.head = head
        self.sent: list[bytes] = []
        self.received: list[tuple[float, int, bytes]] = []
        """When it came, the opcode, the payload."""
        self._wire = wire
        self._rest = b""
        self._is_open = True
        wire.send(head)
        while b"\r\n\r\n" not in self._rest and self._more(PATIENCE):
            pass
        answer, _, self._rest = self._rest.partition(b"\r\n\r\n")
        self.status = int((answer.split(maxsplit=2)[1:2] or [b"0"])[0])
        """101 if it is open, 0 if the server hung up."""

    def send(self, data: bytes) -> None:
        """Send bytes: those of a frame, or any others."""
        self.sent.append(data)
        self._wire.send(data)

    def receive(self, seconds: float = 2.0) -> list[tuple[int, bytes]]:
        """Return the frames that come until nothing has come for so many seconds, or the end."""
        found = []
        while True:
            while (frame := self._frame()) is not None:
                self.received.append((time.monotonic(), *frame))
                found.append(frame)
            if not self._more(seconds):
                return found

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

    def _more(self, seconds: float) -> bool:
        """Wait for bytes; False if none came in time, or the server hung up."""
        self._wire.socket.settimeout(seconds)
        try:
            data = self._wire.socket.recv(65_536)
        except TimeoutError:
            return False
        except OSError:
            data = b""
        self._rest += data
        self._is_open = self._is_open and bool(data)
        return bool(data)

    def _frame(self) -> tuple[int, bytes] | None:
        """Take a frame of what has come, if it is whole (RFC 6455 section 5.2: a server does not mask)."""
        if len(self._rest) < 2:  # noqa: PLR2004 - what every frame begins with
            return None
        size, begin = self._rest[1] & 0x7F, 2
        if size > 125:  # noqa: PLR2004 - the length follows
            more = 2 if size == 126 else 8  # noqa: PLR2004
            size, begin = int.from_bytes(self._rest[2 : 2 + more], "big"), 2 + more
        if len(self._rest) < begin + size:
            return None
        frame = self._rest[0] & 0x0F, self._rest[begin : begin + size]
        self._rest = self._rest[begin + size :]
        return frame

    def ask(self, kind: str, number: int, /, **fields: object) -> dict[str, Any]:
        """Send a request of the protocol, and return its answer. The number is yours, and new each time."""
        self.send(request(kind, number, **fields))
        return self.answer(number)

    def answer(self, number: int, seconds: float = 5.0) -> dict[str, Any]:
        """Return the answer to the request with this number; empty if there is none."""
        end = time.monotonic() + seconds
        while True:
            for answer in self.answers():
                if answer.get("re") == f"probe-{number:010}":
                    return answer
            if not self._is_open or time.monotonic() > end:
                return {}
            self.receive(0.1)

    def answers(self) -> Iterator[dict[str, Any]]:
        """Return the JSON objects that came."""
        for _, opcode, payload in self.received:
            if opcode == 1:
                yield json.loads(payload)

    def taken(self) -> set[str]:
        """Return the ids of the requests that were carried out."""
        return {str(answer["re"]) for answer in self.answers() if answer.get("type") == "ok"}

    def field(self, name: str) -> str:
        """Return a header of the handshake, or nothing."""
        found = re.search(rf"(?im)^{name}: ?(.*?)\r?$", self.head.decode("latin-1"))
        return found[1] if found else ""

    @property
    def lobby(self) -> str:
        """The id of the room where everyone is."""
        hello = next(answer for answer in self.answers() if "rooms" in answer)
        return str(hello["rooms"][0]["room"])

    @property
    def ticket(self) -> str:
        """The ticket in its header, or nothing."""
        return self.field("authorization").removeprefix("Bearer ")

    @property
    def in_url(self) -> set[str]:
        """What could be tickets in its first line."""
        return {one.decode() for one in _TICKET.findall(self.head.partition(b"\r\n")[0])}


@dataclass
class Call:
    """A call of the HTTPS API."""

    method: str
    path: str
    body: object
    answer: Answer


class Bench:
    """The tools. ``server`` lacks a defence; ``is_solved`` decides from what was done."""

    def __init__(
        self, server: LabServer, flag: str, hints: Sequence[str], is_solved: Callable[["Bench"], bool]
    ) -> None:
        self.server = server
        self.sockets: list[Socket] = []
        self.calls: list[Call] = []
        self.in_clear: list[bytes] = []
        """What came back where nothing was encrypted."""
        self.ended_at: float | None = None
        """When the operator ended mallory's sessions."""
        self.hints_given = 0
        self._flag = flag
        self._hints = hints
        self._is_solved = is_solved

    def session(self, user: str = "mallory") -> str:
        """Return a session of mallory, who is you, or of ada or ben, if you have stolen theirs."""
        return self.server.session(user)

    def ticket(self, session: str = "") -> str:
        """Return a new ticket for a session."""
        answer = self.api("POST", "/v1/tickets", session=session or self.session())
        return str(json.loads(answer.body)["ticket"])

    def api(
        self, method: str, path: str, body: object = None, *, session: str = "", **headers: str
    ) -> Answer:
        """Make a call of the HTTPS API (docs/openapi.json); in the name of a header `_` stands for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if session:
            fields["Authorization"] = f"Bearer {session}"
        answer = self.server.api(method, path, body, fields)
        self.calls.append(Call(method, path, body, answer))
        return answer

    def socket(self, ticket: str = "", line: str = "GET /v1/chat HTTP/1.1", **headers: str | None) -> Socket:
        """Open a WebSocket, with a new ticket unless you give one.

        A keyword replaces a header (`origin="https://evil.example"`), None leaves it out.
        """
        if "authorization" not in headers:
            headers["authorization"] = f"Bearer {ticket or self.ticket()}"
        head = self.server.head(line, "", **headers)
        made = Socket(self.server.connect(), head)
        if made.status == 101:  # noqa: PLR2004 - switching protocols
            made.receive(0.5)
        self.sockets.append(made)
        return made

    def plain(self, data: bytes, seconds: float = 3.0) -> bytes:
        """Send bytes without TLS, and return what comes back."""
        answer = b""
        with self.server.plain() as raw:
            raw.settimeout(seconds)
            try:
                raw.sendall(data)
                answer = raw.recv(4096)
            except (OSError, ssl.SSLError):
                pass
        self.in_clear.append(answer)
        return answer

    def frame(self, payload: bytes, opcode: int = 1, *, mask: bool = True, fin: bool = True) -> bytes:
        """Return a frame (RFC 6455, section 5.2): text unless the opcode says otherwise."""
        return frame(opcode, payload, mask=mask, fin=fin)

    def request(self, kind: str, number: int, /, **fields: object) -> bytes:
        """Return a request as a frame; `protocol/README.md` lists them."""
        return request(kind, number, **fields)

    def operator_ends_mallory(self) -> str:
        """Have the operator end all of mallory's sessions by a command."""
        said = self.server.operate("session", "end", "mallory", "--all")[1]
        self.ended_at = time.monotonic()
        return said

    def log(self) -> str:
        """Return the server's log."""
        return self.server.log_text()

    def hint(self) -> str:
        """Return the next of three hints."""
        self.hints_given = min(self.hints_given + 1, len(self._hints))
        return self._hints[self.hints_given - 1]

    @property
    def is_solved(self) -> bool:
        """Whether the attack has worked."""
        return self._is_solved(self)

    def flag(self) -> str:
        """Return the flag if your attack has worked."""
        return self._flag if self.is_solved else "Not yet: the server has withstood what you did."

    def close(self) -> None:
        """Hang up everywhere."""
        for one in self.sockets:
            one.close()
