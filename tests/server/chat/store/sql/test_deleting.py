"""Deleted text is gone from the disk: from the database file and from its write-ahead log."""

from pathlib import Path

from tests.server.chat.store.world import World, message

from parlour_protocol.frames.bodies import Deleted, Edited, Reacted
from parlour_protocol.frames.fields import MessageText, Reaction
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.chat.capabilities.message_retention.store import ExpiringRoom, RetentionStore
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.sqlite_engine import connect_reader

DAY = 86_400_000
SECRETS = (b"correct horse", b"battery staple", b"tr0ub4dor", b"x-long-")


async def say_secrets(world: World) -> tuple[RoomId, UserName]:
    """Say things that no one should ever find again, among others."""
    alice = await world.account("alice")
    room = await world.room(alice)
    await world.append(room, alice, message("correct horse"))
    for i in range(200):
        await world.append(room, alice, message(f"noise {i}" * 20))
    await world.append(room, alice, Edited(Seq(2), MessageText("battery staple")))
    await world.append(room, alice, Edited(Seq(2), MessageText("x-long-" * 1000)))
    await world.append(room, alice, Reacted(Seq(2), Reaction("tr0ub4dor"), on=True))
    return room, alice


def on_disk(database: Path) -> set[bytes]:
    """Return which secrets stand in any file of the database."""
    content = b"".join(file.read_bytes() for file in database.parent.iterdir() if file.is_file())
    return {secret for secret in SECRETS if secret in content}


async def test_deleted_text_is_nowhere_on_disk(world: World, store: ChatStore, database: Path) -> None:
    """When the store has scrubbed its log, no byte of a deleted message is in any file (K2)."""
    room, alice = await say_secrets(world)
    assert on_disk(database) == set(SECRETS)
    await world.append(room, alice, Deleted(Seq(2)))
    # the writer scrubs after the batch of the deletion; the next batch comes after that
    assert await store._writer.submit(lambda db: db.stale_wal) is False
    assert on_disk(database) == set()


async def test_expired_text_is_nowhere_on_disk(world: World, store: ChatStore, database: Path) -> None:
    """As little as deleted text, when the store has scrubbed its log (K2)."""
    room, alice = await say_secrets(world)
    world.clock.wall += 2 * DAY
    await world.append(room, alice, message("young"))
    due = ExpiringRoom(room, Millis(world.clock.now() - DAY))
    while await RetentionStore(store).expire(due, world.clock.now()):
        pass
    world.clock.forward(2)
    await store.check()
    assert await store._writer.submit(lambda db: db.stale_wal) is False
    assert on_disk(database) == set()


async def test_a_reader_delays_the_scrubbing_and_does_not_prevent_it(
    world: World, store: ChatStore, database: Path
) -> None:
    """While someone reads an old page the text stays; when they are done, it goes at the next time."""
    room, alice = await say_secrets(world)
    reader = connect_reader(database)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchone()
    await world.append(room, alice, Deleted(Seq(2)))

    def is_stale(db: WriteConnection) -> bool:
        return db.stale_wal

    assert await store._writer.submit(is_stale)
    assert on_disk(database) == set(SECRETS)
    reader.execute("COMMIT")
    reader.close()
    world.clock.forward(2)
    await store.check()
    assert not await store._writer.submit(is_stale)
    assert on_disk(database) == set()


async def test_deletions_share_the_scrubbing(world: World, store: ChatStore) -> None:
    """A second deletion within a second waits for its turn: deleting in a loop does not wear the disk."""
    room, alice = await say_secrets(world)
    await world.append(room, alice, Deleted(Seq(2)))
    await world.append(room, alice, Deleted(Seq(3)))
    assert await store._writer.submit(lambda db: db.stale_wal)
    world.clock.forward(1)
    await store.check()
    assert not await store._writer.submit(lambda db: db.stale_wal)
