# ruff: noqa: ASYNC110 - the loop is turned by hand, with a clock and chance of the test's own
"""The outbox: durable, in order, idempotent."""

import asyncio

import pytest
from tests.client.core.core_fake import LOBBY, RATE_LIMITED, Desk, FakeServer, heard

from parlour_client.core.errors import RefusedError, SetupError
from parlour_client.core.model import Change, Delivery, EntryChanged, EntryRemoved, LinkState, StatusChanged
from parlour_client.core.outbox import MAX_TRIES, Item
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, ReasonText
from parlour_protocol.frames.requests import Send


async def test_a_drop_between_storing_and_answering_stores_once(desk: Desk, server: FakeServer) -> None:
    """The request keeps its id, so the server knows it the second time (M6)."""
    client = await desk.open()
    server.drop_after_storing = 1
    entry = await client.send(LOBBY, "once")
    assert entry.request is not None
    await heard(client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE)
    await desk.regain(client)
    assert await client.stored(entry.request) == 2
    assert server.texts() == ["once"]
    sends = [request for request in server.requests if isinstance(request, Send)]
    assert len(sends) == 2
    assert sends[0] == sends[1]


async def test_a_killed_client_sends_the_rest_the_next_time(desk: Desk, server: FakeServer) -> None:
    """What was queued is on disk with its id: a new process sends it, and nothing is stored twice."""
    client = await desk.open()
    server.silent = True
    entries = await client.send_many(LOBBY, ["one", "two", "three"])
    while len(server.done) < 3:
        await asyncio.sleep(0)
    await client.stop()
    server.silent = False
    again = await desk.open()
    for entry in entries:
        assert entry.request is not None
        await again.stored(entry.request)
    assert server.texts() == ["one", "two", "three"]
    assert [row.text for row in await again.timeline(LOBBY)] == [None, "one", "two", "three"]


async def test_what_is_queued_offline_goes_out_in_order(desk: Desk, server: FakeServer) -> None:
    """Messages written without a connection stand at the end of the timeline, and go out when it is back."""
    client = await desk.open()
    await heard(
        client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE, server.drop
    )
    entries = [await client.send(LOBBY, text) for text in ("one", "two")]
    rows = await client.timeline(LOBBY)
    assert [(row.text, row.delivery) for row in rows[1:]] == [
        ("one", Delivery.QUEUED),
        ("two", Delivery.QUEUED),
    ]
    await desk.regain(client)
    for entry in entries:
        assert entry.request is not None
        await client.stored(entry.request)
    assert server.texts() == ["one", "two"]


async def test_what_a_lane_held_when_the_connection_broke_goes_out_in_its_place(
    desk: Desk, server: FakeServer
) -> None:
    """It had left the queue for the lane of the room; the next conversation has another lane."""

    class Holding:
        """A lane that never gets on."""

        def __init__(self) -> None:
            self.items: list[Item] = []

        def put(self, item: Item) -> None:
            self.items.append(item)

        async def run(self) -> None:
            await asyncio.Event().wait()

    client, lane = await desk.open(), Holding()
    outbox = client._engine.outbox
    outbox._make_lane = lambda _room, _conversation: lane
    first = await client.send(LOBBY, "one")
    while not lane.items:
        await asyncio.sleep(0)
    await heard(
        client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE, server.drop
    )
    outbox._make_lane = None
    second = await client.send(LOBBY, "two")
    await desk.regain(client)
    for entry in (first, second):
        assert entry.request is not None
        await client.stored(entry.request)
    assert server.texts() == ["one", "two"]


async def test_refused_for_speed_waits_and_keeps_the_order(desk: Desk, server: FakeServer) -> None:
    """RATE_LIMITED waits as long as the server says, then goes on by itself, one at a time."""
    client = await desk.open()
    server.refusals = [RATE_LIMITED] * 3
    entries = await client.send_many(LOBBY, ["one", "two", "three"])
    while server.refusals or client._engine.outbox._going:
        await asyncio.sleep(0)
    desk.clock.advance(2.9)
    await asyncio.sleep(0)
    assert server.texts() == []
    server.silent = True
    desk.clock.advance(0.2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert sum(isinstance(request, Send) for request in server.requests) == 3 + 1
    server.silent = False
    await desk.lose(client)
    await desk.regain(client)
    for entry in entries:
        assert entry.request is not None
        await client.stored(entry.request)
    assert server.texts() == ["one", "two", "three"]


async def test_a_refused_message_fails_and_can_be_sent_again(desk: Desk, server: FakeServer) -> None:
    """A refusal is told in words, the rest goes on, and retry sends it with its own id."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.MUTED, hint=ReasonText.parse("until\x1b[31m noon"))]
    first, second = await client.send_many(LOBBY, ["one", "two"])
    assert first.request is not None
    assert second.request is not None
    with pytest.raises(RefusedError, match="muted") as refused:
        await client.stored(first.request)
    assert refused.value.hint == "until⟦ESC⟧[31m noon"
    await client.stored(second.request)
    await client.retry(first.request)
    assert await client.stored(first.request) == 3
    assert server.texts() == ["two", "one"]


async def test_a_failed_message_stays_failed_over_a_restart(desk: Desk, server: FakeServer) -> None:
    """What was refused is not sent by itself by the next process."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.FORBIDDEN)]
    entry = await client.send(LOBBY, "no")
    await heard(client, lambda c: isinstance(c, EntryChanged) and c.entry.delivery is Delivery.FAILED)
    await client.stop()
    again = await desk.open()
    (row,) = (await again.timeline(LOBBY))[1:]
    assert (row.request, row.delivery, row.text) == (entry.request, Delivery.FAILED, "no")
    assert "does not allow" in row.problem
    assert server.texts() == []


async def test_cancelling_takes_a_message_back(desk: Desk, server: FakeServer) -> None:
    """A queued message can be taken back; one that is on its way cannot."""
    client = await desk.open()
    server.silent = True
    going = await client.send(LOBBY, "going")
    await heard(client, lambda c: isinstance(c, EntryChanged) and c.entry.delivery is Delivery.SENT)
    assert going.request is not None
    with pytest.raises(SetupError, match="on its way"):
        await client.cancel(going.request)
    await heard(
        client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE, server.drop
    )
    queued = await client.send(LOBBY, "queued")
    assert queued.request is not None
    removed: list[Change] = []
    client.subscribe(removed.append)
    await client.cancel(queued.request)
    assert EntryRemoved(LOBBY, queued.request) in removed
    server.silent = False
    await desk.regain(client)
    await client.stored(going.request)
    assert server.texts() == ["going"]


async def test_a_server_that_cannot_store_is_asked_again_some_times(desk: Desk, server: FakeServer) -> None:
    """UNAVAILABLE is tried again after a moment, and after some tries the person is asked."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.UNAVAILABLE)] * (MAX_TRIES - 1)
    entry = await client.send(LOBBY, "patience")
    assert entry.request is not None
    waiting = asyncio.ensure_future(client.stored(entry.request))
    while not waiting.done():
        desk.clock.advance(10)
        await asyncio.sleep(0)
    assert waiting.result() == 2
    server.refusals = [Error(code=ErrorCode.UNAVAILABLE)] * MAX_TRIES
    entry = await client.send(LOBBY, "in vain")
    assert entry.request is not None
    waiting = asyncio.ensure_future(client.stored(entry.request))
    while not waiting.done():
        desk.clock.advance(10)
        await asyncio.sleep(0)
    assert isinstance(waiting.exception(), RefusedError)


async def test_two_programs_on_one_home_do_not_send_each_others_messages(
    desk: Desk, server: FakeServer
) -> None:
    """A `send` beside an open client shares the archive; only one of them adopts what was left."""
    first = await desk.open()
    server.silent = True
    waiting = await first.send(LOBBY, "of the first")
    await heard(first, lambda c: isinstance(c, EntryChanged) and c.entry.delivery is Delivery.SENT)
    before = sum(isinstance(request, Send) for request in server.requests)
    second = await desk.open(follow=False, ready=False)
    await second.connected()
    server.silent = False
    entry = await second.send(LOBBY, "of the second")
    assert entry.request is not None
    await second.stored(entry.request)
    assert sum(isinstance(request, Send) for request in server.requests) == before + 1
    assert waiting.request is not None
