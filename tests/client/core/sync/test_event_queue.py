# ruff: noqa: ASYNC110 - the core tells of no single write that a test could wait for
"""The queue between network and disk."""

import asyncio

from tests.client.core.core_fake import LOBBY, Desk, FakeServer

from parlour_client.core.model import Delivery
from parlour_client.core.sync.event_queue import MAX_WAITING, EventQueue, Run
from parlour_protocol.kit.ids import Seq


async def test_a_flood_is_taken_at_the_disk_s_pace(desk: Desk, server: FakeServer) -> None:
    """Five thousand events at once: all are here, in order, and what the person sent in between went out."""
    client = await desk.open()
    for number in range(5_000):
        server.say(f"flood {number}")
    entry = await client.messages.send(LOBBY, "in between")
    assert entry.delivery is Delivery.QUEUED
    assert entry.request is not None
    await client.messages.stored(entry.request)
    await client.connection.ready()
    async with asyncio.timeout(60):
        while client.rooms.get(LOBBY).head < len(server.rooms[LOBBY].log):  # type: ignore[union-attr]
            await asyncio.sleep(0)
    newest = [one.text for one in await client.history.timeline(LOBBY, limit=3)]
    assert newest[-1] == "in between"
    assert list(await client.history.gaps(LOBBY, Seq(0), Seq(5_003))) == []


async def test_nothing_more_is_read_while_too_much_is_unwritten() -> None:
    """Backpressure: a server that pushes faster than the disk writes waits, and memory does not grow."""
    queue = EventQueue()
    for _ in range(MAX_WAITING + 1):
        queue.put(Run(LOBBY, (), live=True))
    waiting = asyncio.ensure_future(queue.has_space())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert len(await queue.take()) == MAX_WAITING + 1
    await asyncio.sleep(0)
    assert not waiting.done()  # taken, and not written yet
    taking = asyncio.ensure_future(queue.take())
    await waiting
    taking.cancel()
