"""What a sealed message costs the server beside a readable one, and an open room beside an older commit.

The store is filled with a group that no client has keys of: the server cannot tell, since what it carries is
opaque to it. `wsload` makes the messages out of letters that base64url has (`-B`), as long as a client's are.
"""

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import people, servers, serving
from bench.load import Load
from bench.people import Filled
from bench.programs import CHAT
from parlour_protocol.frames.bodies import GroupCreated, Handshake, Joined
from parlour_protocol.frames.opaque import HandshakeBytes, PublicKey, TreeBytes, WelcomeBytes
from parlour_protocol.identity.device_id import device_id_of
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_room_id
from parlour_protocol.kit.ids import DeviceId, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.delivery.records import NewDevice
from parlour_server.chat.program import CHAT as CHAT_APP
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent, Attached, NewRoom
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.clock import SystemClock

Row = dict[str, Any]

SENDERS = 4
PLAIN_FRAME = 200
"""Bytes of the frame of a readable message, of which some 100 are its text (`wsload`'s default)."""
SEALED_DATA = 836
"""Letters of base64url in which a client sends a text of 100 letters (628 bytes), to a multiple of four."""


async def _filled(data: Path, size: int) -> tuple[Sequence[Secret], RoomId, GroupId]:
    """Make one encrypted room of ``size``; the first four speak for devices that are in its group."""
    clock = SystemClock()
    store = CHAT_APP.make_store(data / "parlour.db", clock)
    await store.open()
    room, group = new_room_id(), GroupId(secrets.token_urlsafe(32))
    names, sessions = [], []
    try:
        for number in range(size):
            user, token = await people.account(store, clock.now(), number)
            names.append(user)
            sessions.append(token)
        name = parse_room_name("bench-sealed")
        await store.rooms.create(
            NewRoom(
                room,
                RoomKind.PUBLIC,
                names[0],
                None,
                people.DEVICE,
                new_request_id(),
                clock.now(),
                name,
                encrypted=True,
            )
        )
        for user in names[1:]:
            await store.log.append(_event(clock, room, user, Joined()), people.allow)
        devices = [await _device(store, clock, names[n], sessions[n]) for n in range(SENDERS)]
        founded = GroupCreated(group=group, device=devices[0])
        await store.log.append(_event(clock, room, names[0], founded, devices[0]), people.allow)
        added = Handshake(group=group, epoch=Epoch(0), data=HandshakeBytes(b"x"), added=tuple(devices[1:]))
        attached = Attached(WelcomeBytes(b"x"), TreeBytes(b"x"))
        await store.log.append(_event(clock, room, names[0], added, devices[0], attached), people.allow)
    finally:
        await store.close()
    return sessions, room, group


def _event(
    clock: SystemClock,
    room: RoomId,
    author: UserName,
    body: Joined | GroupCreated | Handshake,
    sender: DeviceId | None = None,
    attached: Attached | None = None,
) -> AppendEvent:
    return AppendEvent(
        room, author, people.DEVICE, new_request_id(), clock.now(), body, None, sender, attached
    )


async def _device(store: ChatStore, clock: SystemClock, user: UserName, token: Secret) -> DeviceId:
    session = await store.sessions.find(token.digest(), clock.now())
    assert session is not None  # noqa: S101 - it was made just now
    key = secrets.token_bytes(32)
    device = NewDevice(device_id_of(user, "bench", key), user, PublicKey(key), people.DEVICE, clock.now())
    await store.devices.register(BySession(user, session.id), device)
    return device.id


def _sealed(size: int, offered: Load, loop: str) -> Row:
    """Offer sealed messages to a new server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = servers.make_data(CHAT, folder)
        sessions, room, group = asyncio.run(_filled(data, size))
        group_fields = f'"group":"{group}","epoch":1'
        frame = f'{{"type":"send_sealed","id":"@ID@","room":"{room}",{group_fields},"data":"@TEXT@"}}'
        length = len(frame) - len("@ID@") + 21 - len("@TEXT@") + SEALED_DATA
        with servers.running(CHAT, data, loop=loop) as server:
            tickets = asyncio.run(people.tickets(data, server.port, sessions))
            options = CHAT.options(folder, tickets, Filled(sessions, [room], size))
            (folder / "load.M").write_text(frame)
            return offered.run(server, *options, "-B", "-z", str(length))


def rows(rounds: int = 3, size: int = 500, loop: str = "fast") -> list[list[str]]:
    """Sealed and readable messages in rooms of ``size``: server CPU for each delivery."""
    table = []
    for name, offered in (("20/s", Load(size, rate=20)), ("200/s", Load(size, rate=200))):
        plain, sealed = [], []
        for _ in range(rounds):
            plain.append(serving.offer(CHAT, size, size, offered, loop))
            sealed.append(_sealed(size, offered, loop))
        cost = serving.cpu_per_delivery
        ratios = [cost(a) / cost(b) for a, b in zip(sealed, plain, strict=True)]
        late = max(r["p99_ms"] for r in sealed), max(r["p99_ms"] for r in plain)
        lost = sum(r["lost"] for r in sealed)
        table.append(
            [
                f"sealed messages {size} x {name}, {loop}",
                f"{serving.spread([cost(row) for row in sealed], 1)} us",
                f"readable: {serving.spread([cost(row) for row in plain], 1)} us",
                serving.spread(ratios),
                "",
                f"lost {lost}, p99 {late[0]:.1f} ms (readable {late[1]:.1f})",
            ]
        )
    return table


# --- beside an older commit

_ONE = """
import json, sys
from functools import partial
from bench import load
from bench.load import Load
try:
    from bench.programs import CHAT
    from bench.serving import offer
    run = partial(offer, CHAT)
except ImportError:
    from bench.chat import parlour as run
load.build()
print(json.dumps(run(500, 500, Load(500, rate=float(sys.argv[1])), sys.argv[2])))
"""


def _in_checkout(folder: Path, rate: int, loop: str) -> Row:
    """Run the fan-out of a checkout with its own server and its own measurements."""
    paths = [str(folder / part) for part in ("", "protocol", "server", "client")]
    done = subprocess.run(
        [sys.executable, "-c", _ONE, str(rate), loop],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        check=True,
        capture_output=True,
        text=True,
    )
    found: Row = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def before(folder: Path, rounds: int) -> list[list[str]]:
    """Measure the fan-out of an open room here and in an older checkout, in turns."""
    table = []
    for rate in (20, 200):
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(rounds):
            for where, found in [(Path.cwd(), ours), (folder, theirs)][:: -1 if number % 2 else 1]:
                found.append(serving.cpu_per_delivery(_in_checkout(where, rate, "fast")))
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        table.append(
            [
                f"open room 500 x {rate}/s beside {folder.name}",
                f"{serving.spread(ours, 1)} us",
                f"before: {serving.spread(theirs, 1)} us",
                serving.spread(ratios),
                "<= 1.0 within the noise",
                "",
            ]
        )
    return table


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m bench.sealed", description=before.__doc__)
    options.add_argument("checkout", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    for row in before(given.checkout.resolve(), given.rounds):
        print("| " + " | ".join(row) + " |", flush=True)
