"""What one person or address takes from everyone else: turns, reads, log lines, sockets, bytes."""

import asyncio
import json
import secrets
import socket
import struct
import time
from contextlib import ExitStack, suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.keyed_device import asked
from parlour_lab.target import LOOPBACK, SETTINGS, STRANGER, LabServer
from parlour_lab.wire import PASSWORD, Wire, request
from parlour_protocol.delivery import Commit
from parlour_protocol.frames.opaque import HandshakeBytes
from parlour_protocol.ids import Epoch, new_group_id
from parlour_protocol.kit.api import encode_payload
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_server.chat.delivery.https.large_json import LargeJson

_GUESSES: Final = 20
_READS: Final = 10
_PINGS: Final = 4
_BYTES: Final = 25 * 1024 * 1024
_FILE: Final = 16 * 1024 * 1024


@attack(
    "Twenty guesses at twenty names at the same moment, from one address",
    expects="Three passwords are tried, as many as one after another: attempts under way count.",
    settings="[logins]\nfailures_per_address = 3\n",
)
def parallel_guesses(server: LabServer, seen: Evidence) -> bool:
    with ExitStack() as stack:
        wires = [stack.enter_context(server.wire(source=STRANGER)) for _ in range(_GUESSES)]
        for number, wire in enumerate(wires):
            login = {"username": f"nobody{number}", "password": PASSWORD, "device": "probe"}
            body = json.dumps(login)
            wire.send(
                f"POST /v1/sessions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
        seen.sent(f"{_GUESSES} logins, before any answer is read")
        statuses = [wire.answer().status for wire in wires]
    seen.received(f"{statuses.count(401)} times 401, {statuses.count(429)} times 429")
    return statuses.count(401) <= 3


@attack(
    "Reading on four connections at once, and on a new one afterwards",
    expects="Together they read as much as one connection: the budget is the account's.",
    settings=f"[rates]\nread_burst = {_READS}\nreads_per_minute = 60\nread_shares_per_address = 2\n",
)
def reads_on_many_connections(server: LabServer, seen: Evidence) -> bool:
    start, given = time.monotonic(), 0
    with ExitStack() as stack:
        many = [stack.enter_context(server.chatting(server.session())) for _ in range(4)]
        for wire, room in many:
            given += _read(wire, room)
    with server.chatting(server.session()) as (wire, room):
        given += _read(wire, room)
    seconds = time.monotonic() - start
    seen.sent(f"{5 * _READS} requests for a page, on five connections")
    seen.observed(f"{given} were answered with one, in {seconds:.1f} s")
    return given <= _READS + seconds + 1


def _read(wire: Wire, room: str) -> int:
    """Ask for a page as often as one connection may; return how many were given."""
    wire.send(b"".join(request("history", number, room=room) for number in range(_READS)))
    answers = wire.told_all([f"probe-{number:010}" for number in range(_READS)])
    return sum(answer["type"] == "ok" for answer in answers)


@attack(
    "Three hundred requests that are refused, to fill the log",
    expects="Ten of the refusals are lines of the log; the others are a number in one line.",
    stage=Stage.OWN_SERVER,
    settings="[rates]\nhttp_per_minute = 60\nhttp_burst = 5\n",
)
def log_flood(server: LabServer, seen: Evidence) -> bool:
    head = f"GET /nothing HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode()
    start, refused = time.monotonic(), 0
    with server.wire(source=STRANGER) as wire:
        for _ in range(300):
            refused += wire.ask(head).status == 429
    minutes = 1 + int((time.monotonic() - start) / 60 + 1)
    lines = [line for line in server.logged() if line["event"] == "limit_hit" and "left_out" not in line]
    seen.sent("300 requests for a page that is not there")
    seen.observed(f"{refused} were refused, {len(lines)} of them are lines of the log")
    assert refused > 100
    return len(lines) <= 10 * minutes


@attack(
    "A web page points its own name at the metrics, and reads them (DNS rebinding)",
    expects="A Host that is not the listener's own is refused, and nothing is told.",
    stage=Stage.FOLDER,
)
def rebound_metrics(server: LabServer, seen: Evidence) -> bool:
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    file = server.data / "parlour.toml"
    file.write_text(SETTINGS.replace("[listen]", f'[listen]\nmetrics = "{LOOPBACK}:{port}"'))
    server.start()
    try:
        assert b"parlour_sockets" in _scrape(port, f"localhost:{port}")
        told = 0
        for host in (f"evil.example:{port}", f"localhost.evil.example:{port}", "evil.example"):
            answer = _scrape(port, host)
            told += b"parlour_" in answer
            seen.sent(f"GET /metrics, Host: {host}")
            seen.received(answer.partition(b"\r\n")[0])
    finally:
        server.stop()
    return told == 0


def _scrape(port: int, host: str) -> bytes:
    with socket.create_connection((LOOPBACK, port), 5) as raw:
        raw.sendall(f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        found = b""
        while more := raw.recv(65_536):
            found += more
    return found


@attack(
    "A socket that stays open and never answers a ping",
    expects="It is dropped after a little more than two pings.",
    settings="[connections]\nping_seconds = 1\n",
    waits=True,
)
def silent_peer(server: LabServer, seen: Evidence) -> bool:
    pings, is_open = 0, True
    with server.chatting(server.session()) as (wire, _):
        while is_open and pings <= _PINGS:
            try:
                pings += wire.frame()[0] == 9
            except EOFError:
                is_open = False
    seen.sent("no answer to any ping")
    seen.observed(f"after {pings} pings it is {'still open' if is_open else 'closed'}")
    return not is_open


@attack(
    "Uploading sixteen megabytes for someone to fetch, and as much again at once",
    expects="The bytes of an hour are counted when they come: the second upload is refused.",
    settings=f"[files]\nupload_bytes_per_hour = {_BYTES}\n",
)
def file_tunnel(server: LabServer, seen: Evidence) -> bool:
    session, stored = server.session(), 0
    with server.chatting(session) as (wire, _):
        name, number = f"den-{secrets.randbelow(10**9)}", secrets.randbelow(10**9)
        room = asked(wire, number, "create_room", name=name, kind="private")["result"]["room"]["room"]
    for _ in range(2):
        with server.wire() as upload:
            upload.send(
                server.head(
                    f"POST /v1/rooms/{room}/files HTTP/1.1",
                    f"authorization: Bearer {session}\r\ncontent-type: application/octet-stream\r\n"
                    f"content-length: {_FILE}\r\n",
                    upgrade=None,
                    connection=None,
                )
                + bytes(_FILE)
            )
            answer = upload.answer()
        seen.sent(f"a file of {_FILE:,} bytes")
        seen.received(answer.status)
        stored += _FILE * (answer.status == 201)
    seen.observed(f"{stored:,} bytes were taken, of {_BYTES:,} an hour")
    assert stored
    return stored <= _BYTES


@attack(
    "A stranger names a victim's address in a PROXY header, without being a load balancer",
    expects="The header is not believed: whatever they do counts for their own address.",
    settings='[listen]\nproxies = ["192.0.2.0/24"]\n',
)
def claimed_address(server: LabServer, seen: Evidence) -> bool:
    header = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, 12)
    header += IPv4Address("203.0.113.7").packed + bytes(4) + struct.pack("!HH", 40_000, 8443)
    with server.plain(source=STRANGER) as raw:
        raw.sendall(header + b"GET / HTTP/1.1\r\n\r\n")
        seen.sent("a PROXY header for 203.0.113.7, and then something that is not TLS")
        with suppress(ConnectionError):
            while raw.recv(4096):
                pass
    lines: list[dict[str, Any]] = []
    end = time.monotonic() + 5  # the server writes it within half a second
    while not lines and time.monotonic() < end:
        time.sleep(0.02)  # another process writes the log: there is no event to wait for
        lines = [line for line in server.logged() if line["event"] == "handshake_refused"]
    assert lines
    seen.observed(f"it is logged for {lines[-1]['address']}")
    return bool(lines[-1]["address"] == STRANGER)


@attack(
    "Twenty large commits of one account at once, before one of someone else",
    expects="The other one is second: an account's bodies wait for each other.",
    stage=Stage.UNIT,
)
def large_bodies(_folder: Path, seen: Evidence) -> bool:
    order = asyncio.run(_decode_many())
    seen.sent("20 bodies of mallory, and then one of ada")
    seen.observed(f"they were read in this order: {' '.join(order)}")
    return order.index("ada") <= 1


async def _decode_many() -> list[str]:
    data = HandshakeBytes(bytes(32 * 1024))
    body = encode_payload(Commit(new_request_id(), new_group_id(), Epoch(1), data))
    bodies = LargeJson()
    order: list[str] = []

    async def read(name: str) -> None:
        await bodies.decode(parse_user_name(name), Commit, body)
        order.append(name)

    try:
        await asyncio.gather(*(read("mallory") for _ in range(20)), read("ada"))
    finally:
        bodies.close()
    return order
