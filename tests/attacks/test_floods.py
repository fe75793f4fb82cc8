"""Group R over the wire: what one attacker can take from everyone is bounded, by figures."""

import base64
import json
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing

import pytest
from tests.attacks.raw import PATIENCE, RunningServer

from parlour_lab.wire import Wire, frame, request
from parlour_server.chat.settings import ChatRates

TEXT = "x" * 8000


def test_log_flood(server: RunningServer) -> None:
    """R6, M5: 300 connections of garbage before any login leave some lines, each short, and no traceback."""
    before, start = server.log.stat().st_size, time.monotonic()
    for number in range(300):
        garbage = (
            b"GET /\x1b]0;PWN\x07 \r\n\r\n"
            if number % 2
            else b"GET /x HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n"
        )
        with server.wire() as wire:
            wire.send(garbage)
            assert wire.answer().status in {0, 400}
    written = server.log.read_bytes()[before:]
    most = 50 + 5 * (time.monotonic() - start) + 5  # the burst, the rate, and who was cut off meanwhile
    assert written.count(b"\n") <= most
    assert len(written) < 250 * most
    assert b"Traceback" not in written
    assert b"\x1b" not in written


def test_log_flood_by_sockets_that_say_nothing(server: RunningServer) -> None:
    """R6: 300 sockets that come and go without a byte leave some lines, and none of them is an error."""
    before, start = server.log.stat().st_size, time.monotonic()
    for _ in range(10):
        for _ in range(30):  # fewer than one address may have
            server.plain().close()
        assert server.api("GET", "/healthz").status == 204
    written = server.log.read_bytes()[before:]
    assert written.count(b"\n") <= 50 + 5 * (time.monotonic() - start) + 5
    assert b'"level":"error"' not in written
    assert b"Traceback" not in written


def test_message_flood(server: RunningServer, record_property: Callable[[str, object], None]) -> None:
    """R1: tunnelled bytes get through as fast as chat does and no faster, and a listener is not held up."""
    session = server.session("oscar", invite=server.code())
    ear_session = server.session("trudy", invite=server.code())
    opaque = base64.b85encode(b"\xa5" * 600).decode()
    rates = ChatRates()
    start = time.monotonic()
    answers = []
    with server.chatting(ear_session) as (ear, _), server.chatting(session) as (wire, room):
        answers += _asked(wire, room, opaque, range(300))
        before = server.cpu()
        ear.send(request("rooms", 1))
        assert ear.told("probe-0000000001")["type"] == "ok"
        assert server.cpu() - before < 1
    with server.chatting(session) as (wire, room):  # a new connection gives no new budget
        answers += _asked(wire, room, opaque, range(300, 390))
    taken = sum(answer["type"] == "ok" for answer in answers)
    refused = sum(answer.get("code") == "rate_limited" for answer in answers)
    seconds = time.monotonic() - start
    record_property("tunnelled_bytes", taken * 600)
    assert taken + refused == 390
    assert taken <= rates.message_burst + rates.messages_per_minute / 60 * seconds + 1


def _asked(wire: Wire, room: str, text: str, numbers: range) -> list[dict[str, object]]:
    """Send so many messages as fast as they go, and return the answers."""
    answers = []
    for first in numbers[::30]:  # fewer than may be in flight
        part = range(first, first + 30)
        wire.send(b"".join(request("send", number, room=room, text=text) for number in part))
        answers += wire.told_all([f"probe-{number:010}" for number in part])
    return answers


def test_who_goes_on_is_cut_off(server: RunningServer, session: str) -> None:
    """R1: a client that sends on regardless of refusals loses its connection."""
    with server.chatting(session) as (wire, _):
        wire.send(frame(1, b"{}") * 400)
        assert wire.close_code() in {4003, 4004}


def test_slow_readers(wide: RunningServer) -> None:
    """R2: five clients that read nothing are cut off; who reads gets everything; memory stays as it was."""
    session = wide.session("mallory", invite=wide.code())
    good = wide.session("ada", invite=wide.code())
    with ExitStack() as stack:
        wire, room = stack.enter_context(wide.chatting(good))
        _talk(wire, room, range(300))  # what a busy server takes by itself is taken then
        before = wide.memory()
        for _ in range(5):
            stack.enter_context(wide.chatting(session, receive_buffer=4096))
        heard: list[int] = []
        cut_off: list[dict[str, object]] = []
        for first in range(300, 3000, 900):  # again where the system's own buffers took all of it
            heard += _talk(wire, room, range(first, first + 900))
            cut_off = [line for line in wide.logged() if line.get("limit") == "unsent_bytes"]
            if len(cut_off) == 5:
                break
        assert heard == list(range(heard[0], heard[0] + len(heard)))
        assert wide.memory() - before < 12 * 2**20  # without a cap: 5 x 7 MB
    assert [line["user"] for line in cut_off] == ["mallory"] * 5, wide.logged()[-20:]


def _talk(wire: Wire, room: str, numbers: range) -> list[int]:
    """Say something for each number, some at a time; return the numbers that the server gave them."""
    heard = []
    for first in range(numbers.start, numbers.stop, 30):
        some = range(first, min(first + 30, numbers.stop))
        wire.send(b"".join(request("send", number, room=room, text=TEXT) for number in some))
        heard += [one["result"]["seq"] for one in wire.told_all([f"probe-{number:010}" for number in some])]
    return heard


def test_stopping_with_a_stuck_client(wide: RunningServer) -> None:
    """R5: SIGTERM ends the process within five seconds though a client with a full buffer never reads."""
    session = wide.session("mallory", invite=wide.code())
    with wide.chatting(session, receive_buffer=4096), wide.chatting(session) as (wire, room):
        _talk(wire, room, range(90))
        assert wide.process is not None
        wide.process.send_signal(signal.SIGTERM)
        assert wide.process.wait(PATIENCE) == 0
        assert wire.close_code() == 1001
    # Five seconds by the server's own clock: its last resort would end it then without these.
    assert wide.logged()[-1]["event"] == "server_stopped"
    assert not (wide.data / "run.json").exists()


def test_readiness_is_no_way_to_write(server: RunningServer) -> None:
    """P6: strangers who ask 500 times whether the store can be written cause a commit or two, not 500."""
    before, start = _checks(server), time.monotonic()
    with server.wire() as wire:
        for _ in range(500):
            answer = wire.ask(f"GET /readyz HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
            assert answer.status == 204
    assert _checks(server) - before <= 1 + (time.monotonic() - start) / 5 + 1


def _checks(server: RunningServer) -> int:
    """Return how often the server tried to write."""
    with closing(sqlite3.connect(server.data / "parlour.db")) as db:
        return int((db.execute("SELECT checks FROM health").fetchone() or (0,))[0])


def test_log_flood_by_the_api(tmp_path_factory: pytest.TempPathFactory) -> None:
    """L19, R6: 3,000 requests, of which most are refused, leave some lines and a count of the others."""
    server = RunningServer(tmp_path_factory.mktemp("flooded"))
    server.begin()
    before, start = server.log.stat().st_size, time.monotonic()
    refused, rates = 0, ChatRates()
    with ExitStack() as stack:
        wires = [stack.enter_context(server.wire(source="127.0.0.66")) for _ in range(10)]
        for _ in range(300):
            for wire in wires:
                wire.send(f"GET /nothing HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
            refused += sum(wire.answer().status == 429 for wire in wires)
    seconds = time.monotonic() - start
    server.stop()
    lines = [json.loads(line) for line in server.log.read_bytes()[before:].splitlines()]
    limited = [line for line in lines if line["event"] == "limit_hit"]
    told = [line for line in limited if "left_out" not in line]
    assert refused >= 3000 - rates.http_burst - rates.http_per_minute * seconds / 60 - 1
    most = 10 * (3 + seconds // 60)  # ten a minute
    assert 0 < len(told) <= most
    assert len(told) + sum(line.get("left_out", 0) for line in limited) == refused
    assert len(server.log.read_bytes()) - before < 273 * most
