"""The writer: batches whose writes do not disturb each other, bounds, and failures of the database."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from tests.server.core.store.world import KitWorld, log_in

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import new_request_id
from parlour_server.app.log.log import Appended, Entry
from parlour_server.app.log.typed_log import TypedLog
from parlour_server.app.program_store import ProgramStore
from parlour_server.core.accounts.tables.memory_tickets import MemoryTickets
from parlour_server.core.errors import RefusedError, UnavailableError
from parlour_server.core.store.engine import readers, writer
from parlour_server.core.store.engine.connection import WriteConnection

Write = Callable[[WriteConnection], object]


def insert(key: str) -> Write:
    """Return a write of one row."""
    return lambda db: db.execute("INSERT INTO attempts VALUES (?, 1, 1)", (key,)).rowcount


def insert_then(key: str, error: BaseException) -> Write:
    """Return a write that changes the database and then fails."""

    def write(db: WriteConnection) -> object:
        insert(key)(db)
        raise error

    return write


async def keys(store: ProgramStore) -> list[str]:
    """Return the rows that are there."""
    return await store._readers.run(lambda db: [row[0] for row in db.execute("SELECT key FROM attempts")])


@pytest.mark.parametrize(
    "error", [RefusedError(ErrorCode.FORBIDDEN), sqlite3.IntegrityError("unique"), KeyError("a bug")]
)
async def test_only_a_write_that_fails_half_way_is_rolled_back(store: ProgramStore, error: Exception) -> None:
    """What it had changed is gone, its caller gets its error, and those before and after it are stored."""
    futures = [store._writer.submit(write) for write in (insert("a"), insert_then("b", error), insert("c"))]
    ended = await asyncio.gather(*futures, return_exceptions=True)
    assert ended == [1, error, 1]
    assert await keys(store) == ["a", "c"]


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()]
)
async def test_a_write_cannot_end_the_writers_thread(store: ProgramStore, error: BaseException) -> None:
    """A program's rule runs in it: its write fails, and all others are done."""
    futures = [store._writer.submit(write) for write in (insert("a"), insert_then("b", error), insert("c"))]
    async with asyncio.timeout(60):
        ended = await asyncio.gather(*futures, return_exceptions=True)
    assert (ended[0], ended[2]) == (1, 1)
    assert str(ended[1]) == f"a write ended with {type(error).__name__}"
    assert await store._writer.submit(insert("d")) == 1
    assert await keys(store) == ["a", "c", "d"]


async def test_a_failure_of_the_database_undoes_the_batch(store: ProgramStore) -> None:
    """When SQLite cannot go on, every write of the transaction gets UnavailableError and none is stored."""
    hold, held = threading.Event(), threading.Event()

    def block(_db: WriteConnection) -> None:
        held.set()
        hold.wait(10)

    first = store._writer.submit(block)
    await asyncio.to_thread(held.wait, 10)
    broken = sqlite3.OperationalError("disk I/O error")
    futures = [store._writer.submit(write) for write in (insert("a"), insert_then("b", broken), insert("c"))]
    hold.set()
    await first
    ended = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(error) for error in ended] == [UnavailableError] * 3
    assert await keys(store) == []
    assert await store._writer.submit(insert("d")) == 1


async def test_what_could_not_be_committed_is_told_to_no_one(store: ProgramStore) -> None:
    """All its statements had succeeded: neither its caller nor what follows it hears that it is done."""

    def deny(_action: int, what: str | None, *_: object) -> int:
        return sqlite3.SQLITE_DENY if what == "COMMIT" else sqlite3.SQLITE_OK

    def write(db: Any) -> object:
        db.set_authorizer(deny)
        return insert("a")(db)

    told: list[object] = []
    with pytest.raises(UnavailableError):
        await store._writer.submit(write, then=told.append)
    await store._writer.submit(lambda db: cast("Any", db).set_authorizer(None), then=told.append)
    assert await keys(store) == []
    assert told == [None]


def tracing(trace: Callable[[str], None] | None) -> Write:
    """Return a write that passes each statement on."""

    def write(db: Any) -> object:
        return db.set_trace_callback(trace)

    return write


async def test_many_writes_share_one_transaction(store: ProgramStore) -> None:
    """What waits while one transaction runs is committed together."""
    commits: list[str] = []
    await store._writer.submit(tracing(commits.append))
    await asyncio.gather(*(store._writer.submit(insert(str(i))) for i in range(300)))
    await store._writer.submit(tracing(None))
    assert commits.count("COMMIT") < 10


async def test_what_follows_a_write_comes_after_its_answer_though_no_one_waits(
    store: ProgramStore,
) -> None:
    """In the order of the writes; nothing follows one that failed."""
    seen: list[object] = []
    followed = asyncio.Event()

    def then(number: int) -> None:
        seen.append(number)
        if number == 4:
            followed.set()

    def write(number: int) -> Callable[[WriteConnection], int]:
        return lambda _: number if number != 2 else 1 // 0

    futures = [store._writer.submit(write(number), then=then) for number in range(5)]
    futures[0].add_done_callback(lambda _: seen.append("answered"))
    futures[1].cancel()
    await followed.wait()
    assert seen == ["answered", 0, 1, 3, 4]
    assert isinstance(futures[2].exception(), ZeroDivisionError)


async def test_a_full_queue_refuses_at_once(store: ProgramStore) -> None:
    """At the bound every write is taken; one more is refused without waiting; then there is room again."""
    hold = threading.Event()
    waiting = [store._writer.submit(lambda _db: hold.wait(10))]
    waiting += [store._writer.submit(lambda _db: True) for _ in range(writer.QUEUE - 1)]
    refused = store._writer.submit(lambda _db: True)
    assert isinstance(refused.exception(), UnavailableError)
    hold.set()
    assert all(await asyncio.gather(*waiting))
    assert await store._writer.submit(lambda _db: True)


async def test_too_many_reads_are_refused_at_once(store: ProgramStore) -> None:
    """At the bound every read is taken; one more is refused; then there is room again."""
    hold = threading.Event()
    reads = [
        asyncio.ensure_future(store._readers.run(lambda _db: hold.wait(10))) for _ in range(readers.QUEUE)
    ]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await store._readers.run(lambda _db: True)
    hold.set()
    assert all(await asyncio.gather(*reads))
    assert await store._readers.run(lambda _db: True)


async def test_a_lost_connection_is_made_again(store: ProgramStore) -> None:
    """When not even a rollback is possible the writer reconnects, and the next write is stored."""
    await store._writer.submit(insert("a"))
    connection = store._writer._connection
    assert connection is not None
    connection.close()
    with pytest.raises(UnavailableError):
        await store._writer.submit(insert("b"))
    await store._writer.submit(insert("c"))
    assert await keys(store) == ["a", "c"]


async def test_a_lost_read_connection_is_made_again(store: ProgramStore) -> None:
    """A read that fails in SQLite is unavailable; the next one of that thread gets a new connection."""

    def fail(db: Any) -> None:
        db.close()
        db.execute("SELECT 1")

    for _ in range(readers.THREADS * 2):
        with pytest.raises(UnavailableError):
            await store._readers.run(fail)
    assert await keys(store) == []


async def test_a_failure_is_logged_once(store: ProgramStore, caplog: pytest.LogCaptureFixture) -> None:
    """The log says when writing begins to fail and when it works again, not each time in between."""
    broken = sqlite3.OperationalError("database or disk is full")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(UnavailableError):
                await store._writer.submit(insert_then("a", broken))
        await store.check()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "disk is full" in caplog.records[0].getMessage()


async def test_a_locked_database_is_unavailable_and_then_works(
    world: KitWorld, store: ProgramStore, database: Path
) -> None:
    """While another process holds the database longer than the store waits, nothing is stored half."""
    session = world.session(await world.account("alice"), 1)
    await log_in(store, session, cap=9)
    grant, request = world.grant(session), new_request_id()

    games = TypedLog(store, "game", str, str)

    def append() -> "asyncio.Future[Appended[Entry[str]]]":
        return games.append(grant, request, "one", "move", lambda _: "state")

    await store._writer.submit(lambda db: db.execute("PRAGMA busy_timeout = 1"))
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError):
        await append()
    other.execute("ROLLBACK")
    other.close()
    assert not (await append()).replay


async def test_tickets_are_bounded(store: ProgramStore, world: KitWorld) -> None:
    """At the bound a ticket is refused."""
    assert isinstance(store.tickets, MemoryTickets)
    store.tickets._tickets._most = 1
    grant = world.grant(world.session(await world.account("alice"), 1))
    await store.tickets.put(b"one", grant, seconds=30)
    with pytest.raises(UnavailableError):
        await store.tickets.put(b"more", grant, seconds=30)


async def test_tickets_are_not_on_disk(store: ProgramStore, world: KitWorld, database: Path) -> None:
    """No file of the database holds anything of a ticket (K2)."""
    session = world.session(await world.account("alice"), 1)
    await log_in(store, session, cap=9)
    await store.tickets.put(b"ticket-digest-ticket-digest-tick", world.grant(session), seconds=30)
    files = [file.read_bytes() for file in database.parent.iterdir()]
    assert not any(b"ticket-digest" in content for content in files)
