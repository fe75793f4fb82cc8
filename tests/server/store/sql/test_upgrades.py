"""A database that was in use is brought to the newest schema with everything that stands in it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.server.store.world import FakeClock, World, message

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name, skeleton
from parlour_protocol.rooms import RoomKind
from parlour_server.kit.errors import SetupError
from parlour_server.kit.store import migrate
from parlour_server.kit.store.engine.postgres_engine import PostgresEngine
from parlour_server.kit.store.engine.sqlite_engine import SqliteEngine
from parlour_server.store.chat_schema import SCHEMA
from parlour_server.store.chat_store import ChatStore
from parlour_server.store.sql.look_alike_names import look_alikes
from tests import postgres

KITCHEN, DIRECT = "k" * 22, "d" * 22
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "accounts": [("alice", "allce", "hash", 1, 0), ("bob", "bob", "hash", 1, 1)],
    "sessions": [("s" * 22, "alice", "laptop", b"t" * 32, 1, 2, 9_000_000_000_000)],
    "rooms": [
        (KITCHEN, "public", "kitchen", "kltchen", None, None, "tea", 3, 2),
        (DIRECT, "direct", None, None, "alice", "bob", "", 1, 2),
    ],
    "members": [
        (KITCHEN, "alice", "owner", 1, 3),
        (KITCHEN, "bob", "member", 2, 0),
        (DIRECT, "alice", "owner", 1, 1),
        (DIRECT, "bob", "owner", 1, 0),
    ],
    "bans": [(KITCHEN, "bob", 5)],
    "mutes": [(KITCHEN, "bob", 0)],
    "events": [
        (
            KITCHEN,
            1,
            1,
            "alice",
            "laptop",
            "q1" * 11,
            "created",
            None,
            b'{"kind":"created","room_kind":"public","name":"kitchen"}',
        ),
        (KITCHEN, 2, 2, "bob", "laptop", "q2" * 11, "joined", None, b'{"kind":"joined"}'),
        (KITCHEN, 3, 3, "alice", "laptop", "q3" * 11, "message", None, b'{"kind":"message","text":"hello"}'),
        (
            DIRECT,
            1,
            4,
            "alice",
            "laptop",
            "q4" * 11,
            "created",
            None,
            b'{"kind":"created","room_kind":"direct"}',
        ),
    ],
    "reactions": [(KITCHEN, 3, "+1", "bob")],
    "journal": [(1, 1, "x" * 22, "alice", None, None)],
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Make a database of the first schema, with something in every table that matters."""
    path = tmp_path / "parlour.db"
    path.touch()
    migrate.apply(path, SCHEMA, "0001")
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, rows in ROWS.items():
            for row in rows:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 - of ours
    return path


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the old columns of the old tables."""
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        found: dict[str, list[tuple[Any, ...]]] = {}
        for table, rows in ROWS.items():
            held = db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - of ours
            found[table] = sorted((row[: len(rows[0])] for row in held), key=repr)
        return found
    finally:
        db.close()


def test_nothing_is_lost(old: Path) -> None:
    """Every row is there afterwards, in one piece, and refers to what it referred to."""
    assert SCHEMA.current(old) == "0001"
    before = dump(old)
    SCHEMA.upgrade(old)
    assert SCHEMA.current(old) == SCHEMA.version
    assert dump(old) == before == {table: sorted(rows, key=repr) for table, rows in ROWS.items()}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_sessions_of_the_last_schema_have_no_key(tmp_path: Path, kind: str) -> None:
    """They go on without one."""
    path = tmp_path / "parlour.db"
    path.touch()
    engine = PostgresEngine(postgres.empty("upgrade")) if kind == "postgres" else SqliteEngine(path)
    migrate.apply(engine, SCHEMA, "0012")
    with closing(engine.connect_to_migrate()) as connection, connection:
        connection.execute("INSERT INTO accounts VALUES ('alice', 'allce', 'hash', 1, 0)")
        token = "''" if kind == "postgres" else "x''"
        connection.execute(
            f"INSERT INTO sessions VALUES ('{'s' * 22}', 'alice', 'pc', {token}, 1, 2, 3, NULL)"  # noqa: S608 - of ours
        )
    SCHEMA.upgrade(engine)
    SCHEMA.check(engine)
    with closing(engine.connect_reader()) as reader:
        assert reader.execute("SELECT public_key FROM sessions").fetchall() == [(None,)]


async def test_a_server_refuses_it_before_and_works_with_it_after(old: Path) -> None:
    """Old rooms are open, their logs go on where they were, and a session speaks for no device yet."""
    clock = FakeClock()
    store, world = ChatStore(old, clock), World(ChatStore(old, clock), clock)
    with pytest.raises(SetupError, match="older schema"):
        await store.open()
    SCHEMA.upgrade(old)
    await world.store.open()
    alice = parse_user_name("alice")
    summaries = {room.room: room for room in await world.store.rooms.summaries(alice)}
    assert {(room.kind, room.encrypted, room.peer) for room in summaries.values()} == {
        (RoomKind.PUBLIC, False, None),
        (RoomKind.DIRECT, False, parse_user_name("bob")),
    }
    sent = await world.append(RoomId(KITCHEN), alice, message())
    assert sent.event.seq == Seq(4)
    (session,) = await world.store.sessions.list(alice, clock.now())
    assert session.device_id is None
    notes, events, _ = await world.store.rooms.create(world.new_direct(alice, alice))
    assert len(events) == 1
    assert notes not in summaries
    await world.store.close()


def test_the_old_rules_of_a_changed_table_still_hold(old: Path) -> None:
    """One direct room for a pair, in one order, of people who exist; names are unique; types are strict."""
    SCHEMA.upgrade(old)
    db = sqlite3.connect(old)
    db.execute("PRAGMA foreign_keys = ON")
    columns = "room, kind, name, skeleton, low, high, topic, head, members, encrypted"
    for row in (
        ("1", "direct", None, None, "bob", "alice", "", 0, 0, 0),
        ("2", "direct", None, None, "alice", "bob", "", 0, 0, 0),
        ("3", "direct", None, None, "alice", "zoe", "", 0, 0, 0),
        ("4", "public", "kitchen", "kltchen", None, None, "", 0, 0, 0),
        ("5", "public", "other", "kltchen", None, None, "", 0, 0, 0),
        ("6", "public", "other", "other", None, None, "", 0, 0, None),
        ("7", "public", "other", "other", None, None, "", "many", 0, 0),
    ):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(f"INSERT INTO rooms ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - of ours
    db.close()


def test_an_upgrade_that_fails_half_way_changes_nothing(old: Path) -> None:
    """Also when it fails at its last table, after others were made and one was copied."""
    db = sqlite3.connect(old)
    db.execute("CREATE TABLE _alembic_tmp_rooms (in_the_way)")
    db.close()
    before = dump(old)
    with pytest.raises(SetupError, match="cannot be migrated"):
        SCHEMA.upgrade(old)
    assert SCHEMA.current(old) == "0001"
    assert dump(old) == before
    db = sqlite3.connect(old)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    db.close()
    assert "devices" not in tables


def test_two_names_that_are_one_both_stay(tmp_path: Path) -> None:
    """L16: the older one of `straße` and `strasse` keeps the name, and both are reported."""
    path = tmp_path / "parlour.db"
    path.touch()
    migrate.apply(path, SCHEMA, "0002")
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, created in (("stra\u00dfe", 1), ("strasse", 2), ("wei\u00dfss", 1)):
            connection.execute("INSERT INTO accounts VALUES (?, ?, 'hash', ?, 0)", (name, name, created))
        for name, at, kind in (
            ("gru\u00dfe", 9, "public"),
            ("grusse", 4, "public"),
            ("spa\u00df", 3, "public"),
            ("spass", 2, "private"),
        ):
            room = f"{at}" * 22
            values = (room, kind, name, name)
            connection.execute("INSERT INTO rooms VALUES (?, ?, ?, ?, NULL, NULL, '', 1, 0, 0)", values)
            connection.execute(
                "INSERT INTO events VALUES (?, 1, ?, 'strasse', 'd', ?, 'created', NULL, x'7b7d')",
                (room, at, f"request-{at}"),
            )
    SCHEMA.upgrade(path)
    assert look_alikes(SqliteEngine(path)) == [
        ("stra\u00dfe", "strasse", "accounts"),
        ("grusse", "gru\u00dfe", "rooms"),
    ]
    db = sqlite3.connect(path)
    shapes = dict(db.execute("SELECT account, skeleton FROM accounts").fetchall())
    rooms = dict(db.execute("SELECT name, skeleton FROM rooms").fetchall())
    db.close()
    # private rooms take no name from anyone, so the public one of such a pair has its own back
    assert rooms == {
        "grusse": "grusse",
        "gru\u00dfe": "grusse gru\u00dfe",
        "spass": "spass",
        "spa\u00df": "spass",
    }
    assert shapes == {
        "stra\u00dfe": "strasse",
        "strasse": "strasse strasse",
        "wei\u00dfss": str(skeleton("weissss")),
    }
