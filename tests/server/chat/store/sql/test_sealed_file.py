"""What the SQLite file holds of encrypted rooms, and what it no longer does."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.server.chat.store.encryption_world import Delivery, sealed

from parlour_server.chat.store.chat_store import ChatStore

T = TypeVar("T")


def look(database: Path, query: str) -> list[tuple[object, ...]]:
    """Read the file from outside."""
    db = sqlite3.connect(database)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


async def test_a_deleted_sealed_message_is_nowhere_on_disk(
    delivery: Delivery, store: ChatStore, database: Path
) -> None:
    """Its ciphertext is overwritten: someone who gets the keys later finds nothing to decrypt (K2)."""
    alice, device = await delivery.person("alice")
    room = await delivery.room(alice)
    group = await delivery.found(room, alice, device)
    body = sealed(group, 0, b"x" * 300)
    sent = await delivery.append(room, alice, body, device)

    def on_disk() -> bool:
        files = [file.read_bytes() for file in database.parent.iterdir() if file.is_file()]
        return any(body.data.text[:100].encode() in content for content in files)

    assert on_disk()
    await delivery.append(room, alice, sealed(group, 0, blanks=sent.entry.seq), device)
    assert await store._writer.submit(lambda db: db.stale_wal) is False
    assert not on_disk()


async def test_a_welcome_is_kept_once_and_until_the_last_has_it(delivery: Delivery, database: Path) -> None:
    """A tree of megabytes is not kept for each of hundreds of devices, nor for ever."""
    people = [await delivery.person(f"person{number}") for number in range(4)]
    room = await delivery.room(*(user for user, _ in people))
    await delivery.group_of(room, *people)
    assert look(database, "SELECT count(*) FROM welcomes") == [(1,)]
    for left, (user, device) in zip((1, 1, 0), people[1:], strict=True):
        (waiting,), _ = await delivery.store.groups.welcomes(device, max_bytes=100)
        await delivery.store.groups.drop_welcome(await delivery.by(user, device), waiting.id)
        assert look(database, "SELECT count(*) FROM welcomes") == [(left,)]


async def test_a_revoked_device_leaves_no_welcome_behind(delivery: Delivery, database: Path) -> None:
    """Not only hidden: no one will fetch it any more."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    await delivery.group_of(room, alice, bob)
    await delivery.revoke(*bob)
    assert look(database, "SELECT (SELECT count(*) FROM welcomes), (SELECT count(*) FROM inbox)") == [(0, 0)]


async def test_a_group_that_was_replaced_leaves_only_its_epochs(delivery: Delivery, database: Path) -> None:
    """Devices, contests and Welcomes of a frozen group are gone."""
    people = [await delivery.person(f"person{number}") for number in range(3)]
    room = await delivery.room(*(user for user, _ in people))
    old = await delivery.group_of(room, *people)
    db = sqlite3.connect(database)
    with db:
        db.execute("UPDATE groups SET contested = 1")
        db.execute("INSERT INTO contests VALUES (?, ?)", (old, "person1"))
    db.close()
    await delivery.found(room, *people[0], replaces=old)
    for table, count in (("group_devices", 1), ("contests", 0), ("welcomes", 0), ("inbox", 0), ("groups", 2)):
        assert look(database, f"SELECT count(*) FROM {table}") == [(count,)]  # noqa: S608 - tables of ours
    assert look(database, "SELECT count(*) FROM epochs") == [(3,)]


async def test_the_schema_lets_only_one_commit_win(delivery: Delivery, database: Path) -> None:
    """Whatever a program does: an epoch has one event, and a room one group in force."""
    alice, device = await delivery.person("alice")
    room = await delivery.room(alice)
    group = await delivery.found(room, alice, device)
    await delivery.commit(room, alice, device)
    db = sqlite3.connect(database)
    for statement, values in (
        ("INSERT INTO epochs VALUES (?, 1, 9)", (group,)),
        ("INSERT INTO groups VALUES (?, ?, 0, 0, 0, 1)", ("other", room)),
    ):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(statement, values)
    db.close()


async def test_a_write_that_fails_leaves_no_half_of_a_commit(delivery: Delivery, store: ChatStore) -> None:
    """A commit whose Welcome cannot be kept has no event, no epoch and no devices."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    group = await delivery.found(room, *alice)
    before = len(await delivery.world.events(room))
    await run(
        store,
        lambda db: db.execute(
            "CREATE TEMP TRIGGER t BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no'); END"
        ),
    )
    with pytest.raises(sqlite3.IntegrityError):
        await delivery.commit(room, *alice, added=[bob[1]])
    state = await delivery.store.groups.state(room, alice[0], delivery.now)
    assert state is not None
    assert (state.group, state.epoch, len(state.present)) == (group, 0, 1)
    assert len(await delivery.world.events(room)) == before
    await run(store, lambda db: db.execute("DROP TRIGGER t"))
    await delivery.commit(room, *alice, added=[bob[1]])


async def run(store: ChatStore, write: Callable[[Any], T]) -> None:
    """Do something with the writer's connection."""

    def done(db: Any) -> None:
        write(db)

    await store._writer.submit(done)
