"""`parlour send ROOM --stdin` with 10,000 lines: the CPU of the client's process, from start to exit."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.homes import made_homes, name_of
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

LINES = 10_000


def rows(rounds: int) -> list[list[str]]:
    """Send to an open room and to an encrypted one."""
    return asyncio.run(_rows(rounds))


async def _rows(rounds: int) -> list[list[str]]:
    async with made_homes(2) as homes:
        writer, _reader = [await homes.home(number) for number in range(2)]
        rooms = {"open": "lines", "encrypted": f"@{name_of(1)}"}
        async with homes.client(writer) as client:
            await client.rooms.create(parse_room_name(rooms["open"]), RoomKind.PUBLIC)
            direct = await client.rooms.open_direct(name_of(1))
            await client.encryption.settle(direct.id)
        taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in rooms}
        for _ in range(rounds):
            for kind, room in rooms.items():
                taken[kind].append(await asyncio.to_thread(_send, writer.folder, room))
    return [_row(kind, found) for kind, found in taken.items()]


def _row(kind: str, taken: list[tuple[float, float]]) -> list[str]:
    cpu, wall = min(taken)
    goal = "<= 8 s" if kind == "open" else ""
    what = f"`send --stdin` of {LINES:,} lines, {kind} room"
    return [what, f"{cpu:.1f} s of CPU", "", "", goal, f"{wall:.1f} s by the clock, {len(taken)} rounds"]


def _send(home: Path, room: str) -> tuple[float, float]:
    """Return the CPU seconds of the client, user's and system's, and those by the clock."""
    before = time.monotonic()
    command = [Path(sys.executable).with_name("parlour"), "--home", home, "send", room, "--stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with process.stdin as pipe:
        pipe.writelines(f"line {number} of what a program has to say\n".encode() for number in range(LINES))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`send --stdin` ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, time.monotonic() - before
