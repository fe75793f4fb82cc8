"""What waiting for the disk costs: one sender's append with synchronous=FULL and OFF, on the same store."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bench import servers
from bench.programs import CHAT
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name, skeleton
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.program import CHAT as CHAT_APP
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent, NewRoom, RoomFacts
from parlour_server.core.clock import SystemClock
from parlour_server.core.store.records import NewAccountRecord

APPENDS = 500
ROUNDS = 4
USER = parse_user_name("bench")
DEVICE = parse_device_name("bench")


def _allow(_event: AppendEvent, _facts: RoomFacts) -> None:
    """Refuse nothing."""


async def _appends(store: ChatStore, clock: SystemClock, new: NewRoom, mode: str) -> list[float]:
    """Append one message after the other with this setting; return how long each took, in milliseconds."""
    connection = store._writer._connection  # noqa: SLF001 - as the product opens it, but for this one setting
    if connection is None:
        raise RuntimeError("the store is closed")
    connection.execute(f"PRAGMA synchronous = {mode}")  # nothing is written now, so the thread is not in it
    body, taken = Message(MessageText("x" * 200)), []
    for _ in range(APPENDS):
        event = AppendEvent(new.room, USER, DEVICE, new_request_id(), clock.now(), body, None)
        before = time.perf_counter()
        await store.log.append(event, _allow)
        taken.append((time.perf_counter() - before) * 1000)
    return taken


async def _measure(data: Path) -> dict[str, list[float]]:
    clock = SystemClock()
    store = CHAT_APP.make_store(data / "parlour.db", clock)
    await store.open()
    taken: dict[str, list[float]] = {"FULL": [], "OFF": []}
    try:
        now, name = clock.now(), parse_room_name("bench")
        await store.accounts.create(NewAccountRecord(USER, skeleton(USER), "-", now), None)
        new = NewRoom(new_room_id(), RoomKind.PUBLIC, USER, None, DEVICE, new_request_id(), now, name)
        await store.rooms.create(new)
        for _ in range(ROUNDS):
            for mode in taken:
                taken[mode] += await _appends(store, clock, new, mode)
    finally:
        await store.close()
    return taken


def durability() -> list[list[str]]:
    """Measure on the disk that holds the temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        taken = asyncio.run(_measure(servers.make_data(CHAT, Path(name))))
    full, off = (statistics.median(taken[mode]) for mode in ("FULL", "OFF"))
    return [
        [
            "durable append, one sender",
            f"p50 {full:.2f} ms",
            f"p50 {off:.2f} ms (OFF)",
            f"adds {full - off:.2f} ms",
            "adds <= 1 ms",
            f"p99 {statistics.quantiles(taken['FULL'], n=100)[98]:.1f} ms",
        ]
    ]
