"""Group H over the wire: a table of handshakes, each good but for one thing, and what each is answered."""

import re
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from tests.attacks.raw import RunningServer
from tests.beats import Beats

from parlour_lab.wire import ALLOWED_ORIGIN, NOTHING

NO_TICKET = "A" * 43
TOO_MUCH = "".join(f"sec-websocket-extensions: {'x,' * 60}x\r\n" for _ in range(120))

HEADS: list[tuple[str, int, dict[str, str | None]]] = [
    # H1: a page of another origin, with a ticket that would be good
    ("H1 another site", 403, {"origin": "https://evil.example"}),
    ("H1 null", 403, {"origin": "null"}),
    ("H1 empty", 403, {"origin": ""}),
    ("H1 suffix", 403, {"origin": f"{ALLOWED_ORIGIN}.evil"}),
    ("H1 prefix", 403, {"origin": "https://evil.app.example"}),
    ("H1 port", 403, {"origin": f"{ALLOWED_ORIGIN}:443"}),
    ("H1 case", 403, {"origin": ALLOWED_ORIGIN.upper()}),
    ("H1 two", 403, {"origin": ALLOWED_ORIGIN, "extra": f"Origin: {ALLOWED_ORIGIN}\r\n"}),
    # H2: an allowed origin is no ticket
    ("H2 origin alone", 401, {"origin": ALLOWED_ORIGIN, "authorization": None}),
    # H3: DNS rebinding
    ("H3 another host", 421, {"host": "evil.example"}),
    ("H3 another port", 421, {"host": "localhost:1"}),
    ("H3 no host", 400, {"host": None}),
    ("H3 two hosts", 400, {"extra": "Host: evil.example\r\n"}),
    ("H3 absolute target", 400, {"line": "GET https://evil.example/v1/chat HTTP/1.1"}),
    # L1: what an application would take for another host, L12: other protocols
    ("L1 user part in the host", 421, {"host": "localhost@evil.example"}),
    ("L1 path in the host", 421, {"host": "localhost/evil.example"}),
    ("L1 user part in the target", 400, {"line": "GET @evil.example/v1/chat HTTP/1.1"}),
    ("L12 CONNECT", 405, {"line": "CONNECT /v1/chat HTTP/1.1"}),
    ("L12 extended CONNECT", 400, {"line": "CONNECT /v1/chat HTTP/1.1", "extra": ":protocol: websocket\r\n"}),
    (
        "L12 h2c",
        426,
        {"upgrade": "h2c", "connection": "Upgrade, HTTP2-Settings", "http2-settings": "AAMAAABk"},
    ),
    ("L12 HTTP/2 by prior knowledge", 505, {"line": "PRI * HTTP/2.0"}),
    # H7, H8: what is hard on parsers
    ("H7 many headers", 431, {"extra": "x: y\r\n" * 40}),
    ("H7 long lists", 431, {"extra": TOO_MUCH}),
    ("H8 backslashes", 401, {"sec-websocket-extensions": 'a;b="' + "\\c" * 4000, "authorization": None}),
    ("H8 spaces", 401, {"sec-websocket-extensions": "b" + " " * 7900 + "x", "authorization": None}),
    ("H8 not ASCII", 400, {"sec-websocket-protocol": "caf\xe9"}),
    # H9: methods, versions, two lengths
    ("H9 TRACE", 405, {"line": "TRACE /v1/chat HTTP/1.1"}),
    ("H9 OPTIONS", 405, {"line": "OPTIONS /v1/chat HTTP/1.1"}),
    ("H9 PUT", 405, {"line": "PUT /v1/chat HTTP/1.1"}),
    ("H9 TRACE at the API", 405, {"line": "TRACE /v1/tickets HTTP/1.1", "connection": "close"}),
    ("H9 HTTP/1.0", 505, {"line": "GET /v1/chat HTTP/1.0"}),
    ("H9 chunked", 411, {"transfer-encoding": "chunked"}),
    ("H9 length and chunked", 411, {"content-length": "5", "transfer-encoding": "chunked"}),
    ("H9 two lengths", 400, {"content-length": "0", "extra": "Content-Length: 9\r\n"}),
    ("H9 space before colon", 400, {"extra": "Content-Length : 5\r\n"}),
    ("K9 declared 10 GB", 413, {"content-length": "10000000000"}),
    # H11: one versioned subprotocol
    ("H11 none", 400, {"sec-websocket-protocol": None}),
    ("H11 another", 400, {"sec-websocket-protocol": "mqtt"}),
    ("H11 old version", 400, {"sec-websocket-version": "8"}),
    ("H11 no upgrade", 426, {"upgrade": None, "connection": None}),
]


@pytest.mark.parametrize(("status", "head"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS])
def test_a_wrong_head(server: RunningServer, session: str, status: int, head: dict[str, str | None]) -> None:
    """H1, H2, H3, H7, H8, H9, H11: refused with its status, at once, closed, and naming no software (H10)."""
    fields = {"authorization": f"Bearer {server.ticket(session)}"} | head
    extra, line = fields.pop("extra", "") or "", fields.pop("line", "") or "GET /v1/chat HTTP/1.1"
    with server.wire() as wire:
        before = server.cpu()
        answer = wire.ask(server.head(line, extra, **fields))
        assert server.cpu() - before < 1
        assert answer.status == status
        assert wire.rest() == b""
    told = str(answer).lower()
    assert not re.search(r"python|websockets|uvicorn|h11|starlette|openssl", told)
    assert answer.header("server") == ""


def test_unauthenticated_frames(server: RunningServer, session: str) -> None:
    """H4: none, malformed, unknown, used: one answer, byte for byte, and frames after it are never read."""
    used = server.ticket(session)
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=f"Bearer {used}")).status == 101
    answers = []
    for value in (
        None,
        "Bearer",
        "Bearer short",
        f"Bearer {NO_TICKET}",
        f"Basic {NO_TICKET}",
        f"Bearer {used}",
    ):
        with server.wire() as wire:
            answers.append(wire.ask(server.head(authorization=value)))
            wire.send(b"\x81\x80\0\0\0\0")
            assert wire.rest() == b""
    assert answers[0].status == 401
    assert len(set(answers)) == 1


def test_a_foreign_page_burns_no_ticket(server: RunningServer, session: str) -> None:
    """H1: a refused Origin leaves the ticket whole: a page cannot use up tickets by guessing at headers."""
    ticket = f"Bearer {server.ticket(session)}"
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=ticket, origin="https://evil.example")).status == 403
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=ticket, origin=ALLOWED_ORIGIN)).status == 101


def test_token_echo(server: RunningServer, session: str) -> None:
    """H11, F5: of the subprotocols the one of ours is echoed, never a token; no extension is agreed to."""
    offered = f"parlour.v1, ticket.{NO_TICKET}"
    with server.wire() as wire:
        answer = wire.ask(
            server.head(
                authorization=f"Bearer {server.ticket(session)}",
                sec_websocket_protocol=offered,
                sec_websocket_extensions="permessage-deflate; client_max_window_bits",
            )
        )
    assert answer.status == 101
    assert answer.header("sec-websocket-protocol") == "parlour.v1"
    assert answer.header("sec-websocket-extensions") == ""
    assert NO_TICKET not in str(answer)


@pytest.fixture
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server with short deadlines."""
    made = RunningServer(tmp_path_factory.mktemp("hasty"))
    made.begin("[connections]\ntls_seconds = 3\nrequest_seconds = 3\n")
    yield made
    made.stop()


def test_slowloris(hasty: RunningServer) -> None:
    """H5: silent before TLS, silent after it, a head that trickles: closed by a deadline in total."""

    def silent() -> None:
        with hasty.plain() as raw:
            assert raw.recv(1) == b""

    def silent_in_tls() -> None:
        with hasty.wire() as wire:
            assert wire.answer() == NOTHING

    def trickling() -> None:
        with hasty.wire() as wire:
            wire.socket.settimeout(0.1)
            for byte in hasty.head()[:-2] + b"x: " + b"y" * 100:
                try:
                    wire.socket.send(bytes([byte]))
                    if not wire.socket.recv(1):
                        return
                except TimeoutError:
                    continue
                except (ConnectionError, ssl.SSLError):  # dropped between the two
                    return
            pytest.fail("a byte at a time was listened to for longer than the deadline")

    start = time.monotonic()
    with Beats() as beats, ThreadPoolExecutor(3) as threads:
        for work in [threads.submit(kind) for kind in (silent, silent_in_tls, trickling)]:
            work.result()
    assert time.monotonic() - start >= 3  # the deadline
    assert beats.seconds < 6  # without one each would wait for 10


def test_connection_exhaustion(server: RunningServer) -> None:
    """H6: one address gets no more sockets than its share, before TLS already; others are served."""
    with ExitStack() as stack:
        open_ones = [stack.enter_context(server.plain(source="127.0.0.9")) for _ in range(60)]
        with server.wire() as wire:
            assert wire.ask(server.head("GET /healthz HTTP/1.1")).status == 204
        for raw in open_ones[40:]:
            assert raw.recv(1) == b""  # closed at once: the others still wait for their deadline
        open_ones[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            open_ones[0].recv(1)


def test_smuggling(server: RunningServer, session: str) -> None:
    """H9: what comes after a request before its answer is never processed, whatever carries it."""
    pairs = f"\r\nauthorization: Bearer {session}\r\ncontent-type: application/json"
    good = f"host: localhost:{server.port}{pairs}\r\ncontent-length: "
    logout = f"DELETE /v1/sessions/current HTTP/1.1\r\n{good}0\r\n\r\n"
    for carrier in (
        f"GET /healthz HTTP/1.1\r\n{good}0\r\n\r\n{logout}",
        f"POST /v1/tickets HTTP/1.1\r\n{good}0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{logout}",
        f"POST /v1/tickets HTTP/1.1\r\n{good}{len(logout)}\r\ncontent-length: 0\r\n\r\n{logout}",
        f"POST /v1/tickets HTTP/1.1\r\n{good}+0\r\n\r\n{logout}",
        f"POST /v1/tickets HTTP/1.1\n{good}0\n\n{logout}",
        f"GET /v1/chat HTTP/1.1\r\n{good}0\r\nupgrade: websocket\r\n\r\n{logout}",
    ):
        with server.wire() as wire:
            wire.send(carrier.encode())
            answers = wire.rest()
        assert len(re.findall(rb"HTTP/1.1 \d", answers)) <= 1, carrier
    assert len(server.ticket(session)) == 43  # the session is alive: no one was logged out
