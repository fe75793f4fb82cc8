"""Messages that wait together cost PostgreSQL a few statements, not a few each."""

import asyncio
from typing import Any

import pytest
from tests.server.chat.store.world import FakeClock, World, message

from parlour_server.capabilities.postgres.engine import PostgresConnection
from parlour_server.chat.program import CHAT
from parlour_server.chat.rooms.rights import decide
from tests import postgres

MESSAGES = 300


async def test_a_batch_of_messages_is_three_statements(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reads the facts of all, one appends them, one advances the heads: whatever their number."""
    store = CHAT.make_store(postgres.database("chat", CHAT.schema), clock, tells_by_bus=True)
    await store.open()
    world = World(store, clock)
    people = await world.people(10)
    rooms = [await world.room(one, *people) for one in people]
    statements: list[str] = []
    execute = PostgresConnection.execute

    def counted(connection: PostgresConnection, statement: str, *parameters: Any) -> Any:
        statements.append(statement)
        return execute(connection, statement, *parameters)

    monkeypatch.setattr(PostgresConnection, "execute", counted)
    await asyncio.gather(
        *(
            store.log.append(world.event(rooms[i % 10], people[i % 7], message(str(i))), decide)
            for i in range(MESSAGES)
        )
    )
    assert len(statements) <= 9, statements  # the first may go by itself, and the others in two batches
    await store.close()
