"""Group R and others: what one attacker can take from everyone."""

import signal
import time
from contextlib import ExitStack

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import STRANGER, LabServer
from parlour_lab.wire import Wire, request

_WIDE = """
[connections]
unsent_bytes = 65536
[rates]
messages_per_minute = 100000
message_burst = 10000
message_bytes_per_minute = 1000000000
message_bytes_burst = 1000000000
requests_per_minute = 100000
request_burst = 10000
bytes_per_minute = 1000000000
bytes_burst = 100000000
"""
"""Limits of a server on which much is said."""


@attack(
    "A hundred connections from one address",
    expects="Those above the limit of 64 are closed at once, before TLS.",
    stage=Stage.OWN_SERVER,
    settings="[connections]\ntls_seconds = 30\n",
)
def connections_of_one_address(server: LabServer, seen: Evidence) -> bool:
    with ExitStack() as stack:
        opened = [stack.enter_context(server.plain(source=STRANGER)) for _ in range(100)]
        with server.wire() as wire:  # from elsewhere: by now the server has taken all of them
            assert wire.ask(server.head("GET /healthz HTTP/1.1")).status == 204
        alive = 0
        for raw in opened:
            raw.settimeout(0.05)
            try:
                alive += raw.recv(1) != b""
            except TimeoutError:
                alive += 1
            except ConnectionError:
                pass
    seen.sent(f"100 connections from {STRANGER}")
    seen.observed(f"{alive} of them are still open")
    return alive == 64


def _talk(wire: Wire, room: str, text: str, count: int) -> tuple[int, int]:
    """Send so many messages as fast as they go; return how many were taken and refused."""
    taken = refused = 0
    for first in range(0, count, 30):  # fewer than may be in flight
        numbers = range(first, min(first + 30, count))
        wire.send(b"".join(request("send", number, room=room, text=text) for number in numbers))
        answers = wire.told_all([f"probe-{number:010}" for number in numbers])
        taken += sum(answer["type"] == "ok" for answer in answers)
        refused += sum(answer.get("code") == "rate_limited" for answer in answers)
    return taken, refused


@attack(
    "Three hundred messages as fast as they go",
    expects="No more are taken than the burst and what the rate allows meanwhile.",
    stage=Stage.OWN_SERVER,
)
def message_flood(server: LabServer, seen: Evidence) -> bool:
    start = time.monotonic()
    with server.chatting(server.session()) as (wire, room):
        taken, refused = _talk(wire, room, "x" * 100, 300)
    seconds = time.monotonic() - start
    seen.sent(f"300 messages within {seconds:.1f} s")
    seen.received(f"{taken} taken, {refused} refused")
    assert taken + refused == 300
    return taken <= 240 + 10 * seconds + 1  # the burst, and 600 a minute


@attack(
    "A client that reads nothing while others talk",
    expects="It is cut off when 64 KiB are unsent; the others go on.",
    settings=_WIDE,
)
def slow_reader(server: LabServer, seen: Evidence) -> bool:
    with (
        server.chatting(server.session(), receive_buffer=4096),
        server.chatting(server.session("ada")) as (wire, room),
    ):
        taken, _ = _talk(wire, room, "x" * 8000, 900)
    seen.sent(f"{taken} messages of 8 kB")
    cut_off = [line for line in server.logged() if line.get("limit") == "unsent_bytes"]
    seen.observed(f"cut off: {', '.join(str(line['user']) for line in cut_off) or 'nobody'}")
    return any(line["user"] == "mallory" for line in cut_off)


@attack(
    "Peers that are gone without a word: no bytes, no answer to a ping",
    expects="Each is dropped after 2.1 times the ping interval.",
    settings="[connections]\nping_seconds = 1\n",
    waits=True,
)
def dead_peer(server: LabServer, seen: Evidence) -> bool:
    start = time.monotonic()
    with server.chatting(server.session()) as (wire, _):
        while time.monotonic() - start < 6:
            try:
                wire.frame()
            except EOFError:
                seen.received(f"dropped after {time.monotonic() - start:.1f} s")
                return True
    seen.received("after 6 s and six pings it is still connected")
    return False


@attack(
    "Stopping the server while a client ignores that it closes",
    expects="Everyone is told, and the process ends within five seconds.",
    stage=Stage.OWN_SERVER,
)
def stuck_stop(server: LabServer, seen: Evidence) -> bool:
    with server.chatting(server.session()), server.chatting(server.session("ada")) as (wire, _):
        start = time.monotonic()
        seen.sent("SIGTERM")
        server.send_signal(signal.SIGTERM)
        code = wire.close_code()
        seen.received(f"close code {code}")
        status = server.wait()
        seconds = time.monotonic() - start
    seen.observed(f"it ended with status {status} after {seconds:.1f} s")
    return code == 1001 and status == 0


@attack(
    "A hundred and fifty connections of garbage before any login",
    expects="The log gets some lines, each short, and a count of the others.",
    stage=Stage.OWN_SERVER,
)
def log_flood(server: LabServer, seen: Evidence) -> bool:
    before, start = server.log_file.stat().st_size, time.monotonic()
    for _ in range(150):
        with server.wire() as wire:
            wire.send(b"GET /\x1b]0;PWN\x07 \r\n\r\n")
            wire.rest()
    written = server.log_file.read_bytes()[before:]
    lines = written.count(b"\n")
    seen.sent("150 connections of garbage")
    seen.observed(f"{lines} lines, {len(written)} bytes")
    return lines < 100 + 5 * (time.monotonic() - start) and b"\x1b" not in written
