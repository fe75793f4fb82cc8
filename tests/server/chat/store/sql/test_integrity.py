"""A damaged database: history goes around what cannot be read and says so, and the check finds it."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.server.chat.store.world import FakeClock, World, allow, message

from parlour_protocol.frames.bodies import Deleted, Message, Unreadable
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.system_account import system_account
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import captured

MESSAGES = 300
BAD = 150


@pytest.fixture
async def room(database: Path, clock: FakeClock) -> RoomId:
    """Return a room with a history of several pages of the file; the store is closed again."""
    store = CHAT.make_store(database, clock)
    await store.open()
    world = World(store, clock)
    alice = await world.account("alice")
    room = await world.room(alice)
    for number in range(2, MESSAGES + 1):
        await world.append(room, alice, message(f"text {number} " * 10))
    await store.close()
    return room


@pytest.fixture
async def damaged(database: Path, clock: FakeClock) -> AsyncIterator[Callable[[], ChatStore]]:
    """Open the store again, after the damage."""
    store = CHAT.make_store(database, clock)
    yield lambda: store
    await store.close()


def change(database: Path, statement: str, *values: object) -> None:
    """Damage the file as a disk would, so that nothing is checked."""
    with closing(sqlite3.connect(database)) as db:
        assert db.execute(statement, values).rowcount == 1
        db.commit()


def spoil_page(database: Path, text: str) -> None:
    """Overwrite the page of the file in which a text stands."""
    content = bytearray(database.read_bytes())
    start = content.index(text.encode()) // 4096 * 4096
    content[start : start + 4096] = b"\xff" * 4096
    database.write_bytes(content)


async def history(store: ChatStore, room: RoomId, *, upwards: bool, limit: int = 40) -> list[LogEvent]:
    """Read all of the room as a client does, page by page."""
    found: list[LogEvent] = []
    more = True
    while more:
        after = (found[-1].seq if found else Seq(0)) if upwards else None
        before = found[0].seq if found and not upwards else None
        events, more, *_ = await store.log.page(
            room, after=after, before=before, limit=limit, max_bytes=100_000
        )
        found = [*found, *events] if upwards else [*events, *found]
    return found


DAMAGES = {
    "bytes": lambda database: change(database, "UPDATE entries SET body = x'00ff' WHERE seq = ?", BAD),
    "another kind": lambda database: change(
        database, 'UPDATE entries SET body = CAST(\'{"kind":"x"}\' AS BLOB) WHERE seq = ?', BAD
    ),
    "nested": lambda database: change(
        database, "UPDATE entries SET body = ? WHERE seq = ?", b"[" * 100_000, BAD
    ),
    "no text": lambda database: change(
        database, "UPDATE entries SET device = CAST(x'ff00' AS TEXT) WHERE seq = ?", BAD
    ),
    "missing": lambda database: change(database, "DELETE FROM entries WHERE seq = ?", BAD),
    "page": lambda database: spoil_page(database, f"text {BAD} text"),
}


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("how", DAMAGES)
async def test_history_skips_unreadable_events(
    database: Path, room: RoomId, damaged: Callable[[], ChatStore], how: str, *, upwards: bool
) -> None:
    """Every number is there, in order; what is damaged says so, the rest is as it was, and the log tells."""
    DAMAGES[how](database)
    store = damaged()
    await store.open()
    with captured() as logs:
        events = await history(store, room, upwards=upwards)
        assert [event.seq for event in events] == list(range(1, MESSAGES + 1))
        bad = [event.seq for event in events if isinstance(event.body, Unreadable)]
        assert BAD in bad
        assert len(bad) == 1 or (how == "page" and len(bad) < 40)
        for event in events[1:]:
            if isinstance(event.body, Message):
                assert event.body.text == f"text {event.seq} " * 10
        assert await history(store, room, upwards=upwards) == events
    reported = [int(str(line["seq"])) for line in logs if line["event"] == "event_unreadable"]
    assert sorted(reported) == bad  # once each, however often they are read


@pytest.mark.parametrize("upwards", [True, False])
async def test_events_that_are_missing_at_the_end(
    database: Path, room: RoomId, damaged: Callable[[], ChatStore], *, upwards: bool
) -> None:
    """The room's own head tells that they were there: a client that asks for them gets their places."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("DELETE FROM entries WHERE seq > ?", (MESSAGES - 3,))
        db.commit()
    store = damaged()
    await store.open()
    events = await history(store, room, upwards=upwards)
    assert [event.seq for event in events] == list(range(1, MESSAGES + 1))
    lost = [event for event in events if isinstance(event.body, Unreadable)]
    assert [event.seq for event in lost] == [MESSAGES - 2, MESSAGES - 1, MESSAGES]
    assert {event.author for event in lost} == {system_account()}


async def test_a_message_that_cannot_be_read_can_be_deleted(
    database: Path, room: RoomId, damaged: Callable[[], ChatStore]
) -> None:
    """The only mend there is without a backup."""
    DAMAGES["bytes"](database)
    store = damaged()
    await store.open()
    world = World(store, FakeClock())
    alice = parse_user_name("alice")
    await world.append(room, alice, Deleted(target=Seq(BAD)))
    events = await history(store, room, upwards=True)
    assert not [event for event in events if isinstance(event.body, Unreadable)]


async def test_a_retry_of_a_message_that_cannot_be_read_is_no_second_one(
    database: Path, clock: FakeClock
) -> None:
    """Its author's device sends again after the damage: the answer says that the message is stored."""
    store = CHAT.make_store(database, clock)
    await store.open()
    world = World(store, clock)
    alice = await world.account("alice")
    room = await world.room(alice)
    event = world.event(room, alice, message())
    first = await store.log.append(event, allow)
    await store._writer.submit(lambda db: db.execute("UPDATE entries SET body = x'00' WHERE seq = 2"))
    again = await store.log.append(event, allow)
    assert (again.replay, again.entry.seq) == (True, first.entry.seq)
    await store.close()


@pytest.mark.parametrize("how", DAMAGES)
def test_the_check_finds_it(database: Path, room: RoomId, how: str) -> None:
    """A body that SQLite thinks nothing of is found as well as a broken page; a sound file has nothing."""
    assert SCHEMA.damage(database) == []
    DAMAGES[how](database)
    assert 1 <= len(SCHEMA.damage(database)) <= 11
    assert room


def test_the_check_finds_what_no_version_makes(database: Path) -> None:
    """A file from elsewhere: a trigger would run inside the server's transactions."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TRIGGER evil AFTER INSERT ON entries BEGIN DELETE FROM bans; END")
        db.execute("CREATE VIEW looks AS SELECT * FROM accounts")
    assert SCHEMA.damage(database) == [
        "it has a trigger that no version of Parlour creates: 'evil'",
        "it has a view that no version of Parlour creates: 'looks'",
    ]


def test_the_check_of_what_is_no_database(tmp_path: Path) -> None:
    """A sentence, and no error of SQLite."""
    (tmp_path / "x.db").write_bytes(b"nothing" * 1000)
    (sentence,) = SCHEMA.damage(tmp_path / "x.db")
    assert sentence == "it cannot be read: file is not a database"


async def test_a_read_that_fails_is_logged_once_a_minute(
    store: ChatStore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged page outside of the history is logged, without flooding the log."""

    def fail(_: Any) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    for minutes in (0, 0, 0, 1, 0):
        clock.forward(60 * minutes)
        with pytest.raises(UnavailableError):
            await store._readers.run(fail)
    reported = [record.getMessage() for record in caplog.records if "cannot be read" in record.getMessage()]
    assert len(reported) == 2
    assert "parlour-server doctor" in reported[0]
