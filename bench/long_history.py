"""A server with ten million messages: pages, appends, greetings, its start, its memory, and expiry.

The database is made once, by inserting rows, and kept in `PARLOUR_BENCH_HISTORY`, or else for this run. Its
100 rooms have very different lengths, as real ones do. `PARLOUR_BENCH_MESSAGES` makes fewer messages. Times
are of one call after the other, in this process, with the store that the server uses.
"""

import asyncio
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bench import servers
from bench.programs import CHAT as PROGRAM
from parlour_protocol.frames.bodies import Message, RetentionSet
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.names import UserName, parse_user_name, skeleton
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.capabilities.message_retention.store import RetentionStore
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent, NewRoom, RoomFacts
from parlour_server.chat.system_account import system_account, system_device
from parlour_server.core.clock import SystemClock
from parlour_server.core.store.records import NewAccountRecord
from parlour_server.host.setup.open_store import opened

MESSAGES: Final = int(os.environ.get("PARLOUR_BENCH_MESSAGES", "10000000"))
ROOMS: Final = 100
PEOPLE: Final = 500
_ROUNDS: Final = 400
_PAGE: Final = 100
_BYTES: Final = 1024 * 1024
_DAY: Final = 86_400_000
_SPAN_DAYS: Final = 365


def rows() -> list[list[str]]:
    """Make the database if it is not there, and measure."""
    with _folder() as folder:
        data, made = folder / "data", folder / "made"
        began = time.perf_counter()
        if not made.exists():
            servers.make_data(PROGRAM, folder)
            asyncio.run(_fill(data))
            made.touch()
        taken = time.perf_counter() - began
        size = (data / "parlour.db").stat().st_size / 2**30
        head = [
            f"{MESSAGES:,} messages in {ROOMS} rooms, made",
            f"{taken:.0f} s",
            "",
            "",
            "",
            f"{size:.2f} GiB",
        ]
        return [head, *asyncio.run(_measure(data)), *_starts(data)]


@contextmanager
def _folder() -> Iterator[Path]:
    if kept := os.environ.get("PARLOUR_BENCH_HISTORY"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def _name(number: int) -> UserName:
    return parse_user_name(f"person{number}")


async def _fill(data: Path) -> None:
    """Make people and rooms with the store, and their messages with one statement for each room."""
    clock = SystemClock()
    people = [_name(number) for number in range(PEOPLE)]
    made: list[RoomId] = []
    async with opened(CHAT, CHAT.folder(data), clock) as store:
        for one in people:
            record = NewAccountRecord(one, skeleton(one), "!", clock.now())
            await store.accounts.create(record, None)
        for number in range(ROOMS):
            name = parse_room_name(f"room{number}")
            room = NewRoom(
                room=new_room_id(),
                kind=RoomKind.PUBLIC,
                author=people[number],
                session=None,
                device=system_device(),
                request=new_request_id(),
                at=clock.now(),
                name=name,
            )
            made.append((await store.rooms.create(room))[0])
    text = "what people write is about as long as this, with a few words more or less"
    body = encode_body(Message(MessageText(text)))
    weights = [1 / (number + 2) for number in range(ROOMS)]
    with closing(sqlite3.connect(data / "parlour.db", isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -500000")
        for room, weight in zip(made, weights, strict=True):
            count = int(MESSAGES * weight / sum(weights))
            step = _SPAN_DAYS * _DAY / count
            db.execute("BEGIN")
            db.execute(
                "UPDATE entries SET at = ? WHERE log = ?", (clock.now() - (_SPAN_DAYS + 1) * _DAY, room)
            )
            db.execute(
                "WITH RECURSIVE n (seq) AS (SELECT 2 UNION ALL SELECT seq + 1 FROM n WHERE seq <= ?2)"
                " INSERT INTO entries (log, seq, at, author, device, request, kind, body)"
                " SELECT ?1, seq, ?3 + CAST(seq * ?4 AS INTEGER), 'person' || (seq * 7 % ?5), 'laptop',"
                " substr(?1, 1, 11) || printf('%011d', seq), 'message', ?6 FROM n",
                (room, count, clock.now() - _SPAN_DAYS * _DAY, step, PEOPLE, body),
            )
            db.execute(
                "UPDATE logs SET head = ?2, bytes = ?2 * ?3 WHERE log = ?1", (room, count + 1, len(body))
            )
            db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _allow(_event: AppendEvent, _facts: RoomFacts) -> None:
    """Decide for everything."""


async def _median(
    what: str, goal: str, call: Callable[[], Awaitable[object]], rounds: int = _ROUNDS
) -> list[str]:
    taken: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    also = f"p99 {taken[int(len(taken) * 0.99) - 1]:.2f} ms"
    return [what, f"p50 {statistics.median(taken):.2f} ms", "", "", goal, also]


async def _measure(data: Path) -> list[list[str]]:
    chance = random.Random(7)  # noqa: S311 - no secret
    clock = SystemClock()
    async with opened(CHAT, CHAT.folder(data), clock) as store:
        (longest,) = await store.rooms.find_named(parse_room_name("room0"))
        head = (await store.log.heads([longest]))[longest]

        async def newest() -> None:
            await store.log.page(longest, after=None, before=None, limit=_PAGE, max_bytes=_BYTES)

        async def anywhere() -> None:
            before = Seq(chance.randrange(_PAGE, head))
            await store.log.page(longest, after=None, before=before, limit=_PAGE, max_bytes=_BYTES)

        async def catch_up() -> None:
            after = Seq(chance.randrange(1, head - _PAGE))
            await store.log.page(longest, after=after, before=None, limit=_PAGE, max_bytes=_BYTES)

        async def append() -> None:
            await store.log.append(_event(longest, Message(MessageText("one more")), clock.now()), _allow)

        async def greeting() -> None:
            await store.rooms.summaries(_name(0))

        found = [
            await _median(f"page of {_PAGE}, the newest of {head:,}", "p50 <= 1.5 ms", newest),
            await _median(f"page of {_PAGE}, anywhere, downwards", "p50 <= 1.5 ms", anywhere),
            await _median(f"page of {_PAGE}, anywhere, upwards", "p50 <= 1.5 ms", catch_up),
            await _median("append, on disk", "", append),
            await _median("rooms of a greeting", "", greeting),
        ]
        return [*found, *await _expiry(store)]


def _event(room: RoomId, body: Message | RetentionSet, at: Millis) -> AppendEvent:
    return AppendEvent(room, system_account(), system_device(), new_request_id(), at, body, None)


async def _whole_room(store: ChatStore) -> RoomId:
    """Return a short room that no run has let expire yet."""
    for number in reversed(range(ROOMS)):
        (room,) = await store.rooms.find_named(parse_room_name(f"room{number}"))
        if (await RetentionStore(store).policy(room)).days is None:
            return room
    raise SystemExit("every room has expired: make the database again")


async def _expiry(store: ChatStore) -> list[list[str]]:
    """Let a year's messages of a short room expire, and measure an append in another room meanwhile."""
    clock = SystemClock()
    room = await _whole_room(store)
    (other,) = await store.rooms.find_named(parse_room_name("room1"))
    await store.log.append(_event(room, RetentionSet(30, clock.now()), clock.now()), _allow)
    begun = time.perf_counter()
    due = [one for one in await RetentionStore(store).due(clock.now()) if one.room == room]
    looked_for = (time.perf_counter() - begun) * 1000
    removed, taken, beside = 0, 0.0, []
    for one in due:
        looked = 1
        while looked:
            began = time.perf_counter()
            expiring = asyncio.ensure_future(RetentionStore(store).expire(one, clock.now()))
            await store.log.append(_event(other, Message(MessageText("meanwhile")), clock.now()), _allow)
            beside.append((time.perf_counter() - began) * 1000)
            looked = await expiring
            removed, taken = removed + looked, taken + time.perf_counter() - began
    found = [["looking for rooms that have something to remove", f"{looked_for:.1f} ms", "", "", "", ""]]
    if removed:
        beside.sort()
        also = f"an append beside it: p50 {statistics.median(beside):.1f} ms, highest {beside[-1]:.1f} ms"
        found.append(
            [f"removing {removed:,} old messages", f"{removed / taken:,.0f} a second", "", "", "", also]
        )
    return found


def _starts(data: Path) -> list[list[str]]:
    """Start the server several times, by turns with one that has no messages: other programs slow both."""
    with tempfile.TemporaryDirectory() as folder:
        empty = servers.make_data(PROGRAM, Path(folder))
        taken: dict[Path, list[tuple[float, float]]] = {data: [], empty: []}
        resident: dict[Path, float] = {}
        for _ in range(6):
            for one, times in taken.items():
                began = time.perf_counter()
                with servers.running(PROGRAM, one) as server:
                    times.append(((time.perf_counter() - began) * 1000, _cpu(server.pid)))
                    resident[one] = server.resident()
    return [
        _start(what, taken[one][1:], resident[one], goal)
        for what, one, goal in (
            (f"start with {MESSAGES:,} messages, until it listens", data, "as without"),
            ("start with none", empty, "median <= 500 ms"),
        )
    ]


def _start(what: str, taken: list[tuple[float, float]], resident: float, goal: str) -> list[str]:
    wall, cpu = zip(*taken, strict=True)
    figure = f"median {statistics.median(wall):.0f} ms ({min(wall):.0f}..{max(wall):.0f})"
    return [what, figure, "", "", goal, f"{statistics.median(cpu):.0f} ms of CPU, {resident:.0f} MiB"]


def _cpu(process: int) -> float:
    """Return the milliseconds of CPU that a process has used."""
    times = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK") * 1000
