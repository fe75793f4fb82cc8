"""What files take is kept as a number: it costs the same with many, and is right after failures."""

import sqlite3
from asyncio import Future
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.server.chat.capabilities.file_sharing.files import files, put
from tests.server.chat.capabilities.file_sharing.test_records import upload
from tests.server.chat.store.sql.conftest import maker  # noqa: F401 - SQLite only
from tests.server.chat.store.world import World
from tests.server.core.store.world import log_in

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.errors import RefusedError

MANY = 20_000


async def steps(store: ChatStore, work: Callable[[Any], object]) -> int:
    """Return how many instructions of SQLite's machine a piece of work takes."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    def counting(db: Any) -> None:
        db.set_progress_handler(count, 1)
        try:
            work(db)
        finally:
            db.set_progress_handler(None, 0)

    await store._writer.submit(counting)
    return counted


def fill(database: Path, room: RoomId, owner: UserName) -> None:
    """Put many files there, beside the program."""
    with closing(sqlite3.connect(database)) as db:
        db.executemany(
            "INSERT INTO files (file, room, owner, size, sha256, created) VALUES (?, ?, ?, 10, x'00', 0)",
            [(f"{number:022}", room, str(owner)) for number in range(MANY)],
        )
        counted = [(str(owner), MANY * 10), ("", MANY * 10)]
        db.executemany("INSERT INTO file_usage VALUES (?, ?)", counted)
        db.commit()


async def test_an_upload_costs_the_same_beside_many_files(
    world: World, store: ChatStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the quota of a person nor that of the server is a sum over files."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    fill(database, room, bob)
    file = upload(world, room, bob)
    await log_in(store, world.session(bob, 1), cap=9)
    writes: list[Callable[[Any], object]] = []
    submit = store._writer.submit

    def recorded(write: Callable[[Any], object], **_: object) -> Future[object]:
        writes.append(write)
        return submit(write)

    monkeypatch.setattr(store._writer, "submit", recorded)
    assert await files(store).used(bob) == (MANY * 10, MANY * 10)
    await put(store, file)
    await files(store).forget([file.id])
    monkeypatch.undo()
    assert len(writes) == 3
    for write in writes:
        assert await steps(store, write) < 300
    assert await files(store).used(bob) == (MANY * 10, MANY * 10)


async def test_what_is_refused_or_forgotten_twice_is_counted_once(
    world: World, store: ChatStore, database: Path
) -> None:
    """The number changes in the transaction that changes the files, or not at all; `doctor` looks."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    one, other = upload(world, room, alice, 30), upload(world, room, bob, 5)
    await put(store, one, user_bytes=30, total=30)
    for refused in (other, replace(one, id=other.id), replace(other, room=RoomId("x" * 22))):
        with pytest.raises(RefusedError):
            await put(store, refused, user_bytes=30, total=30)
    with pytest.raises(sqlite3.IntegrityError):
        await put(store, one)  # the same id again
    assert await files(store).used(alice) == (30, 30)
    await put(store, other, user_bytes=30)
    await files(store).forget([one.id, one.id])
    await files(store).forget([one.id])
    assert await files(store).used(alice) == (0, 5)
    assert await files(store).used(bob) == (5, 5)
    assert CHAT.schema.damage(database) == []
    await store._writer.submit(lambda db: db.execute("UPDATE file_usage SET bytes = 7 WHERE owner = ''"))
    assert CHAT.schema.damage(database) == ["the files of all together are counted with 2 bytes too many"]
