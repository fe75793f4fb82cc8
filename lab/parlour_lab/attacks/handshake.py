"""Group H: what comes before the first frame."""

import json
import re
import socket
import ssl
import time
from contextlib import suppress
from typing import Any, Final

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import STRANGER, LabServer
from parlour_lab.wire import ALLOWED_ORIGIN, OTHER_ORIGIN, Answer, ServerAddress

_FOREIGN: Final = (
    "https://evil.example",
    "null",
    "",
    "https://app.example.evil",
    "https://evil.app.example",
    "HTTPS://APP.EXAMPLE",
)
_NO_TICKET: Final = "A" * 43
_SOFTWARE: Final = re.compile(r"python|websockets|h11|starlette|uvicorn|openssl|\nserver:")
_OPENED: Final = 101
_UNAUTHORIZED: Final = 401


def _ask(server: ServerAddress, seen: Evidence, head: bytes, *, source: str = "") -> Answer:
    with server.wire(source=source) as wire:
        seen.sent(head)
        answer = wire.ask(head)
        seen.received(answer)
    return answer


@attack(
    "A page of another site opens a WebSocket with a good ticket",
    expects="Each is answered 403, and the ticket is still good for its owner.",
    remote=True,
)
def foreign_page(server: ServerAddress, seen: Evidence) -> bool:
    ticket = f"Bearer {server.ticket(server.session())}"
    for origin in _FOREIGN:
        if _ask(server, seen, server.head(authorization=ticket, origin=origin)).status != 403:
            return False
    with server.wire() as wire:
        return wire.ask(server.head(authorization=ticket)).status == _OPENED


@attack(
    "A page of a site that is allowed opens a WebSocket without a ticket",
    expects="It is answered 401: where a page comes from doesn't prove who uses it.",
)
def origin_for_ticket(server: LabServer, seen: Evidence) -> bool:
    return _ask(server, seen, server.head(origin=ALLOWED_ORIGIN)).status != _OPENED


@attack(
    "A page makes its own name point at this machine and connects to that name (DNS rebinding)",
    expects="No handshake opens whose Host is not a name of this server with its port.",
    remote=True,
)
def dns_rebinding(server: ServerAddress, seen: Evidence) -> bool:
    ticket = f"Bearer {server.ticket(server.session())}"
    hosts = (
        "evil.example",
        f"evil.example:{server.port}",
        f"{server.name}:1",
        f"evil@{server.name}",
        "",
        None,
    )
    heads = [server.head(authorization=ticket, host=host) for host in hosts]
    heads.append(server.head(authorization=ticket, extra="Host: evil.example\r\n"))
    heads.append(server.head("GET https://evil.example/v1/chat HTTP/1.1", authorization=ticket))
    return all(_ask(server, seen, head).status != _OPENED for head in heads)


@attack(
    "Handshakes with no ticket, with malformed, unknown and used ones, each with a frame behind it",
    expects="All are refused with the same bytes, and the frame is never read.",
    remote=True,
)
def wrong_tickets(server: ServerAddress, seen: Evidence) -> bool:
    used = server.ticket(server.session())
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=f"Bearer {used}")).status == _OPENED
    answers, frames_read = set(), False
    for value in (None, "Bearer", "Bearer short", f"Bearer {_NO_TICKET}", f"Basic {used}", f"Bearer {used}"):
        head = server.head(authorization=value)
        with server.wire() as wire:
            seen.sent(head)
            answer = wire.ask(head)
            wire.send(b"\x89\x80\0\0\0\0")  # a ping, which an open WebSocket answers
            rest = wire.frame()[1] if answer.status == _OPENED else wire.rest()
        seen.received(f"{answer}{rest!r}")
        answers.add(answer)
        frames_read |= bool(rest)
    return len(answers) == 1 and _OPENED not in {one.status for one in answers} and not frames_read


@attack(
    "Connections that send nothing, or a byte of a request now and then (slowloris)",
    expects="Each is closed by a deadline for the whole request, whatever trickles in.",
    settings="[connections]\ntls_seconds = 1\nrequest_seconds = 1\n",
    waits=True,
)
def slowloris(server: LabServer, seen: Evidence) -> bool:
    start, waited = time.monotonic(), 0.0
    with server.wire() as trickle, server.wire() as silent, server.plain() as before_tls:
        trickle.socket.settimeout(0.1)
        for byte in server.head()[:-2] + b"x: " + b"y" * 100:
            if waited > 3:
                break
            try:
                trickle.socket.send(bytes([byte]))
                if not trickle.socket.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
            finally:
                waited = time.monotonic() - start
        held = [name for name, raw in _named(trickle.socket, silent.socket, before_tls) if _is_open(raw)]
    seen.sent(f"a byte every tenth of a second, for {waited:.1f} s; nothing after TLS; nothing at all")
    seen.received(f"still open: {', '.join(held) or 'none'}")
    return not held


def _named(*raw: socket.socket) -> list[tuple[str, socket.socket]]:
    return list(zip(("the one that trickles", "the silent one", "the one without TLS"), raw, strict=True))


def _is_open(raw: socket.socket) -> bool:
    raw.settimeout(0.2)
    try:
        return bool(raw.recv(1))
    except (TimeoutError, ssl.SSLWantReadError, BlockingIOError):
        return True
    except OSError:
        return False


@attack(
    "A handshake with a good ticket and as many headers as fit",
    expects="It is refused before a header is interpreted.",
    remote=True,
)
def header_flood(server: ServerAddress, seen: Evidence) -> bool:
    ticket = f"Bearer {server.ticket(server.session())}"
    return _ask(server, seen, server.head(authorization=ticket, extra="x: y\r\n" * 40)).status != _OPENED


@attack(
    "A credential that takes a careless pattern for ever to refuse",
    expects="It is refused at once, and someone else is served meanwhile.",
    stage=Stage.OWN_SERVER,
)
def endless_pattern(server: LabServer, seen: Evidence) -> bool:
    head = server.head("GET /v1/chat HTTP/1.1", authorization="Bearer " + "a" * 30 + "!")
    with server.wire(source=STRANGER) as hostile, server.wire() as other:
        seen.sent(head)
        hostile.send(head)
        other.socket.settimeout(3)
        other.send(server.head("GET /healthz HTTP/1.1"))
        try:
            served = other.socket.recv(12)
        except TimeoutError:
            served = b""
    seen.received(served or "someone else waited for 3 s, in vain")
    if not served:
        server.kill()
    return bool(served)


@attack(
    "A request hidden in another one: pipelined, with two lengths, chunked, with bare line ends",
    expects="No connection gives more than one answer, and the session of the hidden request is alive.",
)
def smuggling(server: LabServer, seen: Evidence) -> bool:
    session = server.log_in("mallory")
    fields = f"host: {server.name}:{server.port}\r\nauthorization: Bearer {session}\r\ncontent-length: "
    hidden = f"DELETE /v1/sessions/current HTTP/1.1\r\n{fields}0\r\n\r\n"
    most = 0
    for carrier in (
        f"GET /healthz HTTP/1.1\r\n{fields}0\r\n\r\n{hidden}",
        f"POST /v1/tickets HTTP/1.1\r\n{fields}0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        f"POST /v1/tickets HTTP/1.1\r\n{fields}{len(hidden)}\r\ncontent-length: 0\r\n\r\n{hidden}",
        f"POST /v1/tickets HTTP/1.1\r\n{fields}+0\r\n\r\n{hidden}",
        f"POST /v1/tickets HTTP/1.1\n{fields}0\n\n{hidden}",
        f"GET /v1/chat HTTP/1.1\r\n{fields}0\r\nupgrade: websocket\r\n\r\n{hidden}",
    ):
        with server.wire() as wire:
            seen.sent(carrier)
            wire.send(carrier.encode())
            answers = bytes(wire.socket.recv(4096))
            with suppress(OSError):
                wire.send(b"\r\n")  # whoever keeps the rest looks at it again when more comes
            answers += wire.rest()
        seen.received(answers)
        most = max(most, len(re.findall(rb"HTTP/1.1 \d", answers)))
    alive = server.api("GET", "/v1/sessions", headers={"Authorization": f"Bearer {session}"}).status
    seen.observed(f"at most {most} answers to one connection; the session answers {alive}")
    return most <= 1 and alive == 200


@attack(
    "Requests of every kind, to learn which software answers",
    expects="No answer names a library, a language or a version.",
    remote=True,
)
def fingerprint(server: ServerAddress, seen: Evidence) -> bool:
    close: dict[str, Any] = {"connection": "close", "upgrade": None}
    heads = (
        server.head(),
        server.head("GET /healthz HTTP/1.1", **close),
        server.head("GET /no/such/path HTTP/1.1", **close),
        server.head("POST /v1/sessions HTTP/1.1", **close),
        server.head("TRACE /v1/chat HTTP/1.1"),
        server.head(host="evil.example"),
        b"nonsense\r\n\r\n",
    )
    told = "".join(str(_ask(server, seen, head)) for head in heads)
    return not _SOFTWARE.search(told.lower())


@attack(
    "A client offers its token among the subprotocols, where answers, proxies and logs would repeat it",
    expects="Only `parlour.v1` is echoed.",
    remote=True,
)
def token_echo(server: ServerAddress, seen: Evidence) -> bool:
    head = server.head(
        authorization=f"Bearer {server.ticket(server.session())}",
        sec_websocket_protocol=f"parlour.v1, ticket.{_NO_TICKET}",
    )
    answer = _ask(server, seen, head)
    assert answer.status == _OPENED, answer
    return answer.header("sec-websocket-protocol") == "parlour.v1"


@attack(
    "A page of a site that is allowed uses the ticket of another page, and that of a native client",
    expects="Each is answered 401, and the ticket still opens a WebSocket for the page that asked for it.",
)
def ticket_of_another_page(server: LabServer, seen: Evidence) -> bool:
    session = server.session()
    sent = {"Authorization": f"Bearer {session}", "Origin": ALLOWED_ORIGIN}
    of_page = str(json.loads(server.api("POST", "/v1/tickets", None, sent).body)["ticket"])
    stolen = [
        _as_page(server, ALLOWED_ORIGIN, server.ticket(session)),
        _as_page(server, OTHER_ORIGIN, of_page),
        server.head(authorization=f"Bearer {of_page}"),
        server.head(authorization=f"Bearer {of_page}", origin=ALLOWED_ORIGIN),
    ]
    if any(_ask(server, seen, head).status != _UNAUTHORIZED for head in stolen):
        return False
    return _ask(server, seen, _as_page(server, ALLOWED_ORIGIN, of_page)).status == _OPENED


def _as_page(server: ServerAddress, origin: str, ticket: str) -> bytes:
    return server.head(origin=origin, sec_websocket_protocol=f"parlour.v1, ticket.{ticket}")
