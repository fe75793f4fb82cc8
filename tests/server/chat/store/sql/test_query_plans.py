"""What keeps everyone else from writing finds its rows by an index, however large the tables are."""

import re
from asyncio import Future
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import pytest
from tests.server.chat.capabilities.file_sharing.files import put
from tests.server.chat.store.encryption_world import Delivery, sealed
from tests.server.chat.store.world import World, message

from parlour_protocol.frames.bodies import Left, Reacted, RetentionSet, RoomDeleted
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.frames.opaque import Digest, StatementBytes
from parlour_protocol.ids import new_file_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import RoomKind
from parlour_server.app.account_data import Deletion
from parlour_server.chat.capabilities.chat_personal_data.account_data import CHAT_ACCOUNT_DATA
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.capabilities.message_retention.store import RetentionStore
from parlour_server.chat.program import CHAT
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.store.engine.connection import Connection, WriteConnection

_LARGE: Final = re.compile(
    r"SCAN (events|reactions|files|groups|group_devices|members|bans|mutes|blocks|invitations|[edgm])\b"
)


class Noting:
    """A connection that writes, and notes the statements."""

    def __init__(self, db: WriteConnection, queries: set[str]) -> None:
        self._db = db
        self._queries = queries

    def execute(self, query: str, *values: Any) -> Any:
        self._queries.add(query)
        return self._db.execute(query, *values)

    def executemany(self, query: str, *values: Any) -> Any:
        self._queries.add(query)
        return self._db.executemany(query, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@pytest.fixture
def searched(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[list[str]]]:
    """Note what is written from now on; the function returns the statements that search a large table."""
    queries: set[str] = set()
    submit = world.store.writer.submit

    def noted(write: Callable[[WriteConnection], Any], **options: Any) -> "Future[Any]":
        return submit(lambda db: write(cast("WriteConnection", Noting(db, queries))), **options)

    monkeypatch.setattr(world.store.writer, "submit", noted)

    def plans(db: Connection) -> list[str]:
        found = []
        for query in queries:
            plan = db.execute(f"EXPLAIN QUERY PLAN {query}", ("x",) * _places(query)).fetchall()
            if any(_LARGE.match(row[-1]) for row in plan):
                found.append(query)
        assert queries
        return found

    return lambda: world.store.readers.run(plans)


def _places(query: str) -> int:
    numbered = re.findall(r"\?(\d+)", query)
    return max(map(int, numbered)) if numbered else query.count("?")


async def test_of_the_deletion_of_an_account(
    world: World, delivery: Delivery, searched: Callable[[], Awaitable[list[str]]]
) -> None:
    """What is far apart in large tables is found by a reader."""
    (alice, device), (bob, _) = await delivery.person("alice"), await delivery.person("bob")
    room = await world.room(alice, bob)
    seq = (await world.append(room, alice, message())).entry.seq
    await world.append(room, alice, Reacted(seq, Reaction.parse("👍"), on=True))
    encrypted = await delivery.room(alice, bob)
    await delivery.group_of(encrypted, (alice, device))
    file = FileRecord(new_file_id(), room, alice, 5, Digest(bytes(32)), world.clock.now())
    await put(world.store, file)
    await world.store.accounts.close(ByOperator(alice), "unusable", CHAT.schema.of_accounts)
    pseudonym = parse_user_name("deleted-bcdfghjk")
    await world.store.accounts.add_pseudonym(pseudonym, "unusable")
    await CHAT_ACCOUNT_DATA.delete(world.store, world.clock, Deletion(alice, pseudonym, keeps_messages=True))
    assert await searched() == []


async def test_of_encrypted_messages_and_of_leaving(
    world: World, delivery: Delivery, searched: Callable[[], Awaitable[list[str]]]
) -> None:
    """Each looks for the group of its room."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0], kind=RoomKind.PRIVATE)
    group = await delivery.group_of(room, alice, bob)
    await delivery.append(room, alice[0], sealed(group, 1), alice[1])
    await world.append(room, bob[0], Left(statement=StatementBytes(b"signed")))
    assert await searched() == []


async def test_of_expiry_and_of_the_deletion_of_a_room(
    world: World, searched: Callable[[], Awaitable[list[str]]]
) -> None:
    """The files are those of one room."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    await world.append(room, alice, RetentionSet(1))
    await world.append(room, alice, message())
    world.clock.forward(5 * 86_400_000)
    now = world.clock.now()
    (due,) = await RetentionStore(world.store).due(now)
    assert await RetentionStore(world.store).expire(due, now)
    await world.append(room, alice, RoomDeleted())
    assert await searched() == []
