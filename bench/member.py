"""A whole client in its own process, controlled by lines of JSON: `python -m bench.member HOME`.

It records when each message reached the views (`EntryAdded`), by the clock that all processes of a machine
share. `homes.py` starts it.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import apsw
from tests.client.core.client_parts import parts

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client
from parlour_client.core.e2ee.group.store import Groups, load_room
from parlour_client.core.e2ee.identity.own_device import load_active
from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.events import Change, EntryAdded
from parlour_mls import Group, MlsError
from parlour_protocol.ids import RoomId

_PATIENCE = 120.0


class Watched:
    """The client, and what it has shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client: Client | None = None
        self.seen: dict[str, int] = {}
        self.moved = asyncio.Event()
        self.kept = b""

    def on_change(self, change: Change) -> None:
        """Record the time of each shown message."""
        if isinstance(change, EntryAdded) and not change.entry.trouble:
            self.seen.setdefault(str(change.entry.text), time.monotonic_ns())
        self.moved.set()

    async def start(self) -> dict[str, float]:
        """Start, and say how long connecting and catching up took, by the clock and of CPU."""
        began, cpu = time.monotonic(), _cpu()
        self.client = Client(ChatHome(self.folder))
        self.client.events.subscribe(self.on_change)
        await self.client.start()
        await self.client.connection.connected(_PATIENCE)
        online, online_cpu = time.monotonic(), _cpu()
        await self.client.connection.ready(_PATIENCE)
        ended = time.monotonic()
        return {
            "wall": ended - began,
            "caught_up": ended - online,
            "cpu": _cpu() - cpu,
            "caught_up_cpu": _cpu() - online_cpu,
        }

    async def stop(self) -> None:
        """Stop."""
        if self.client is not None:
            await self.client.stop()

    async def until_seen(self, text: str) -> int:
        """Wait for a message; the time at which it was shown."""
        async with asyncio.timeout(_PATIENCE):
            while text not in self.seen:
                self.moved.clear()
                await self.moved.wait()
        return self.seen[text]

    async def until_inside(self, rooms: list[str]) -> None:
        """Wait until this device is in the groups of these rooms."""
        assert self.client is not None  # noqa: S101 - started before
        states = {RoomState.ACTIVE, RoomState.BLOCKED}
        async with asyncio.timeout(_PATIENCE):
            while any(self.client.encryption.room(RoomId(room)).state not in states for room in rooms):
                self.moved.clear()
                await self.moved.wait()

    async def accept(self, room: str) -> None:
        """Accept an invitation."""
        assert self.client is not None  # noqa: S101
        await self.client.invitations.accept(RoomId(room))

    async def count(self) -> int:
        """Count the messages that can be read here."""
        assert self.client is not None  # noqa: S101
        return await parts(self.client).archive.read(_count)

    async def cpu(self) -> float:
        """Return the CPU seconds of this process so far."""
        return _cpu()

    async def keep(self, room: str) -> None:
        """Keep a copy of all keys of a room, as someone would who does not want to forget them."""
        assert self.client is not None  # noqa: S101
        self.kept = await parts(self.client).archive.read(_state, RoomId(room))

    async def opens(self, data: str) -> bool:
        """Say whether the keys that were kept open a message."""
        try:
            Group.restore(self.kept).decrypt(bytes.fromhex(data))
        except MlsError:
            return False
        return True


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _count(connection: apsw.Connection) -> int:
    query = "SELECT count(*) FROM events WHERE kind = 'message' AND trouble = ''"
    return next(int(str(found)) for (found,) in connection.execute(query))


def _state(connection: apsw.Connection, room: RoomId) -> bytes:
    row = load_room(connection, room)
    held = Groups(load_active(connection)).load(connection, row.group if row is not None else None)
    if held is None:
        raise SystemExit("this device is not in the room's group")
    return held.group.serialise()


async def main() -> None:
    """Do what is asked until the end of the input."""
    watched = Watched(Path(sys.argv[1]))
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked: dict[str, Any] = json.loads(line)
        answer = await getattr(watched, asked.pop("do"))(**asked)
        print(json.dumps(answer), flush=True)
    await watched.stop()


if __name__ == "__main__":
    asyncio.run(main())
