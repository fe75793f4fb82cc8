# ruff: noqa: ASYNC110 - the core tells of no single write that a test could wait for
"""Events on their way into the archive and to the views."""

import asyncio

from tests.client.core.core_fake import (
    LOBBY,
    Desk,
    FakeServer,
    heard,
)

from parlour_client.core.events import EntryAdded


async def test_messages_of_others_come_in_once_and_in_order(desk: Desk, server: FakeServer) -> None:
    """An event that is told twice is one entry."""
    client = await desk.open()
    added: list[int | None] = []
    client.events.subscribe(lambda c: added.append(c.entry.seq) if isinstance(c, EntryAdded) else None)
    event = server.say("one")
    server.wires[0].say(event)
    await heard(
        client, lambda c: isinstance(c, EntryAdded) and c.entry.text == "two", lambda: server.say("two")
    )
    assert added == [2, 3]


async def test_events_in_any_order_and_twice_stand_once_and_in_order(desk: Desk, server: FakeServer) -> None:
    """Live events that are repeated, early or late are put right from the log."""
    client = await desk.open()
    events = [server.say(f"number {number}", tell=False) for number in range(6)]
    for number in (3, 0, 5, 5, 1, 0, 4, 2):
        server.wires[0].say(events[number])
    async with asyncio.timeout(60):
        while len([e for e in await client.history.timeline(LOBBY) if e.text]) < len(events):
            await asyncio.sleep(0)
    assert [e.text for e in await client.history.timeline(LOBBY) if e.text] == [
        f"number {n}" for n in range(6)
    ]
