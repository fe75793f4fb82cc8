"""What a shared store costs: durable events into one PostgreSQL, beside the same into a SQLite file.

The store is measured by itself: processes that append, each as a server does, with many events under way. The
CPU time of PostgreSQL and of the processes is told apart, because on a small machine they share the cores.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from tools.cluster.postgres import Postgres

from bench.programs import ROOT
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name, skeleton
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.capabilities.postgres.engine import PostgresEngine
from parlour_server.chat.program import CHAT
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.chat.store.types import AppendEvent, NewRoom
from parlour_server.core.clock import SystemClock
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.records import NewAccountRecord
from parlour_server.host.setup import migrate

EVENTS = 30_000
UNDER_WAY = 1000
SMALL_ROOMS = 200
USER = parse_user_name("bench")
DEVICE = parse_device_name("bench")
BODY = Message(MessageText("x" * 100))


def rows() -> list[list[str]]:
    """Measure PostgreSQL and SQLite, each with one and with three processes."""
    return asyncio.run(_rows())


async def _rows() -> list[list[str]]:
    table = []
    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres(Path(folder))
        await postgres.start()
        try:
            for nodes, rooms in ((1, SMALL_ROOMS), (3, SMALL_ROOMS), (1, 1), (3, 1)):
                name = f"bench{nodes}x{rooms}"
                await postgres.create_database(name)
                before = _cpu(postgres)
                found = await _measure(postgres.conninfo(name), nodes, rooms)
                table.append(_row(f"PostgreSQL, {nodes} processes", rooms, found, _cpu(postgres) - before))
        finally:
            await postgres.close()
        for nodes in (1, 3):
            found = await _measure(f"{folder}/sqlite{nodes}.db", nodes, SMALL_ROOMS)
            table.append(_row(f"SQLite, {nodes} processes", SMALL_ROOMS, found, 0.0))
    return table


def _row(what: str, rooms: int, found: "list[dict[str, float]]", database: float) -> list[str]:
    events = sum(one["events"] for one in found)
    wall = max(one["ended"] for one in found) - min(one["begun"] for one in found)
    python = sum(one["cpu"] for one in found)
    also = f"{events / python:,.0f} /CPU-s of Python"
    if database:
        also += f", {events / database:,.0f} /CPU-s of PostgreSQL"
    goal = "" if not database else ">= 20,000 /s" if rooms > 1 else ">= 5,000 /s"
    where = f"{rooms} rooms" if rooms > 1 else "one room"
    return [f"durable events, {what}, {where}", f"{events / wall:,.0f} /s", "", "", goal, also]


async def _measure(place: str, nodes: int, rooms: int) -> "list[dict[str, float]]":
    ids = await _prepare(_engine(place), rooms)
    command = [sys.executable, "-m", "bench.shared_store", place, str(EVENTS // nodes), *ids]
    started = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(nodes)
    ]
    return [json.loads((await one.communicate())[0]) for one in started]


def _engine(place: str) -> Engine:
    return SqliteEngine(Path(place)) if place.startswith("/") else PostgresEngine(place)


async def _prepare(engine: Engine, rooms: int) -> list[RoomId]:
    migrate.create(engine, SCHEMA)
    clock = SystemClock()
    store = CHAT.make_store(engine, clock, tells_by_bus=True)
    await store.open()
    await store.accounts.create(NewAccountRecord(USER, skeleton(USER), "-", clock.now()), None)
    made = []
    for number in range(rooms):
        name = parse_room_name(f"bench-{number}")
        new = NewRoom(
            new_room_id(),
            RoomKind.PUBLIC,
            USER,
            None,
            DEVICE,
            new_request_id(),
            clock.now(),
            name,
        )
        made.append((await store.rooms.create(new))[0])
    await store.close()
    return made


def _cpu(postgres: Postgres) -> float:
    """Return the CPU seconds of all processes of PostgreSQL, those that ended too."""
    family = []
    for one in postgres.process.family():
        with suppress(psutil.NoSuchProcess):  # it has just ended: its parent counts it
            family.append(one.cpu_times())
    return sum(one.user + one.system for one in family) + family[0].children_user + family[0].children_system


async def _append(place: str, events: int, rooms: "list[str]") -> dict[str, Any]:
    """Append, as one of the processes."""
    clock = SystemClock()
    store = CHAT.make_store(_engine(place), clock, tells_by_bus=True)
    await store.open()
    numbers = iter(range(events))

    async def append() -> None:
        for number in numbers:
            room = RoomId(rooms[number % len(rooms)])
            event = AppendEvent(room, USER, DEVICE, new_request_id(), clock.now(), BODY, None)
            await store.log.append(event, decide)

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used, begun = usage.ru_utime + usage.ru_stime, time.time()
    await asyncio.gather(*(append() for _ in range(UNDER_WAY)))
    ended, usage = time.time(), resource.getrusage(resource.RUSAGE_SELF)
    await store.close()
    return {"events": events, "begun": begun, "ended": ended, "cpu": usage.ru_utime + usage.ru_stime - used}


def _main() -> None:
    options = argparse.ArgumentParser(description="Append events, and print what it took as JSON.")
    options.add_argument("place")
    options.add_argument("events", type=int)
    options.add_argument("rooms", nargs="+")
    given = options.parse_args()
    print(json.dumps(asyncio.run(_append(given.place, given.events, given.rooms))))


if __name__ == "__main__":
    _main()
