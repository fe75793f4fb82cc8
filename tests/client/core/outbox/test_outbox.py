# ruff: noqa: ASYNC110 - the loop is turned by hand, with a clock and chance of the test's own
"""The outbox: durable, in order, idempotent."""

import asyncio

import pytest
from tests.client.core.client_parts import parts
from tests.client.core.core_fake import BOB, LOBBY, Desk, FakeServer, heard
from tests.client.core.outbox.sender_world import SenderWorld, alone, turns

from parlour_client.core.archive import insertion
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.checked_text import message_text
from parlour_client.core.client import Client
from parlour_client.core.events import Change, EntryAdded, EntryChanged, EntryRemoved, StatusChanged
from parlour_client.core.model import Delivery
from parlour_client.core.outbox.sender import MAX_TRIES
from parlour_client.core.room_log.missing import MissingEvents, Reason
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import RefusedError, SetupError
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, LogEvent, Ok
from parlour_protocol.frames.bodies import Message, Unreadable
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.text import safe_text


async def test_a_drop_between_storing_and_answering_stores_once(desk: Desk, server: FakeServer) -> None:
    """The request keeps its id, so the server knows it the second time (M6)."""
    client = await desk.open()
    server.drop_after_storing = 1
    entry = await client.messages.send(LOBBY, "once")
    assert entry.request is not None
    await heard(client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE)
    await desk.regain(client)
    assert await client.messages.stored(entry.request) == 2
    assert server.texts() == ["once"]
    sends = [request for request in server.requests if isinstance(request, Send)]
    assert len(sends) == 2
    assert sends[0] == sends[1]


async def test_a_killed_client_sends_the_rest_the_next_time(desk: Desk, server: FakeServer) -> None:
    """What was queued is on disk with its id: a new process sends it, and nothing is stored twice."""
    client = await desk.open()
    server.silent = True
    entries = await client.messages.send_many(LOBBY, ["one", "two", "three"])
    while not server.done:
        await asyncio.sleep(0)
    await client.stop()
    server.silent = False
    again = await desk.open()
    for entry in entries:
        assert entry.request is not None
        await again.messages.stored(entry.request)
    assert server.texts() == ["one", "two", "three"]
    assert [row.text for row in await again.history.timeline(LOBBY)] == [None, "one", "two", "three"]


async def test_what_is_queued_offline_goes_out_in_order(desk: Desk, server: FakeServer) -> None:
    """Messages written without a connection stand at the end of the timeline, and go out when it is back."""
    client = await desk.open()
    await heard(
        client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE, server.drop
    )
    entries = [await client.messages.send(LOBBY, text) for text in ("one", "two")]
    rows = await client.history.timeline(LOBBY)
    assert [(row.text, row.delivery) for row in rows[1:]] == [
        ("one", Delivery.QUEUED),
        ("two", Delivery.QUEUED),
    ]
    await desk.regain(client)
    for entry in entries:
        assert entry.request is not None
        await client.messages.stored(entry.request)
    assert server.texts() == ["one", "two"]


def sends(server: FakeServer) -> list[str]:
    """Return the texts that reached the server, stored or not, in order."""
    return [safe_text(request.text).plain for request in server.requests if isinstance(request, Send)]


async def test_what_has_arrived_is_not_sent_again(desk: Desk, server: FakeServer) -> None:
    """It was stored before the connection broke, and its event comes before its turn does."""
    world = SenderWorld(desk, await alone(desk))
    (item,) = await world.put("here already")
    event = server.append(LOBBY, Message(text=message_text("here already")), author="alice", tell=False)
    world.outbox.arrived(item.request, event)
    world.send()
    await turns()
    await world.stop()
    assert world.server.tried == []


async def test_a_refused_message_fails_and_can_be_sent_again(desk: Desk, server: FakeServer) -> None:
    """A refusal is told in words, the rest goes on, and retry sends it with its own id."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.MUTED, hint=ReasonText.parse("until\x1b[31m noon"))]
    first, second = await client.messages.send_many(LOBBY, ["one", "two"])
    assert first.request is not None
    assert second.request is not None
    with pytest.raises(RefusedError, match="muted") as refused:
        await client.messages.stored(first.request)
    assert refused.value.hint == "Until⟦ESC⟧[31m noon."
    await client.messages.stored(second.request)
    await client.messages.retry(first.request)
    assert await client.messages.stored(first.request) == 3
    assert server.texts() == ["two", "one"]


@pytest.mark.parametrize("restart", [False, True])
async def test_a_reply_to_a_message_that_is_gone_can_be_sent_without_the_quote(
    desk: Desk, server: FakeServer, *, restart: bool
) -> None:
    """It expired or was deleted meanwhile: the same reply would be refused for ever."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.MESSAGE_GONE, hint=ReasonText.parse("there is no such message"))]
    entry = await client.messages.send(LOBBY, "yes", reply_to=Seq(1))
    assert entry.request is not None
    with pytest.raises(RefusedError, match="without the quote"):
        await client.messages.stored(entry.request)
    if restart:
        await client.stop()
        client = await desk.open()
    (waiting,) = client.messages.outgoing()
    assert waiting.entry.reply_to is None
    assert "without the quote" in waiting.entry.problem
    await client.messages.retry(entry.request)
    await client.messages.stored(entry.request)
    last = server.requests[-1]
    assert isinstance(last, Send)
    assert (last.id, last.reply_to) == (entry.request, None)


async def test_a_reply_that_is_refused_for_another_reason_keeps_its_quote(
    desk: Desk, server: FakeServer
) -> None:
    """Someone who is put out of a room is told the same code."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.NOT_FOUND, hint=ReasonText.parse("there is no such room"))]
    entry = await client.messages.send(LOBBY, "yes", reply_to=Seq(1))
    assert entry.request is not None
    with pytest.raises(RefusedError):
        await client.messages.stored(entry.request)
    (waiting,) = client.messages.outgoing()
    assert waiting.entry.reply_to == 1


async def test_what_a_command_could_not_send_waits_for_the_person(desk: Desk, server: FakeServer) -> None:
    """A later `send` passes it by; the chat shows it, and sends it again or takes it back."""
    server.refusals = [Error(code=ErrorCode.MUTED)] * 2
    command = await desk.open(follow=False, ready=False)
    await command.connection.connected()
    for text in ("kept", "dropped"):
        refused = await command.messages.send(LOBBY, text)
        assert refused.request is not None
        with pytest.raises(RefusedError, match="muted"):
            await command.messages.stored(refused.request)
    await command.stop()
    later = await desk.open(follow=False, ready=False)
    await later.connection.connected()
    entry = await later.messages.send(LOBBY, "later")
    assert entry.request is not None
    await later.messages.stored(entry.request)
    await later.stop()
    assert server.texts() == ["later"]
    chat = await desk.open()
    kept, dropped = chat.messages.outgoing()
    assert [one.entry.delivery for one in (kept, dropped)] == [Delivery.FAILED] * 2
    assert "muted" in kept.entry.problem
    assert kept.entry.request is not None
    assert dropped.entry.request is not None
    await chat.messages.cancel(dropped.entry.request)
    await chat.messages.retry(kept.entry.request)
    await chat.messages.stored(kept.entry.request)
    assert server.texts() == ["later", "kept"]
    await chat.stop()
    assert not (await desk.open()).messages.outgoing()


async def test_a_failed_message_stays_failed_over_a_restart(desk: Desk, server: FakeServer) -> None:
    """What was refused is not sent by itself by the next process."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.FORBIDDEN)]
    entry = await client.messages.send(LOBBY, "no")
    await heard(client, lambda c: isinstance(c, EntryChanged) and c.entry.delivery is Delivery.FAILED)
    await client.stop()
    again = await desk.open()
    (row,) = (await again.history.timeline(LOBBY))[1:]
    assert (row.request, row.delivery, row.text) == (entry.request, Delivery.FAILED, "no")
    assert "does not allow" in row.problem
    assert server.texts() == []


async def test_cancelling_takes_a_message_back(desk: Desk, server: FakeServer) -> None:
    """A queued message can be taken back; one that is on its way cannot."""
    client = await desk.open()
    server.silent = True
    going = await client.messages.send(LOBBY, "going")
    await heard(client, lambda c: isinstance(c, EntryChanged) and c.entry.delivery is Delivery.SENT)
    assert going.request is not None
    with pytest.raises(SetupError, match="on its way"):
        await client.messages.cancel(going.request)
    await heard(
        client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE, server.drop
    )
    queued = await client.messages.send(LOBBY, "queued")
    assert queued.request is not None
    removed: list[Change] = []
    client.events.subscribe(removed.append)
    await client.messages.cancel(queued.request)
    assert EntryRemoved(LOBBY, queued.request) in removed
    server.silent = False
    await desk.regain(client)
    await client.messages.stored(going.request)
    assert server.texts() == ["going"]


async def test_a_server_that_cannot_store_is_asked_again_some_times(desk: Desk, server: FakeServer) -> None:
    """UNAVAILABLE is tried again after a moment, and after some tries the person is asked."""
    client = await desk.open()
    server.refusals = [Error(code=ErrorCode.UNAVAILABLE)] * (MAX_TRIES - 1)
    entry = await client.messages.send(LOBBY, "patience")
    assert entry.request is not None
    waiting = asyncio.ensure_future(client.messages.stored(entry.request))
    while not waiting.done():
        desk.clock.advance(10)
        await asyncio.sleep(0)
    assert waiting.result() == 2
    server.refusals = [Error(code=ErrorCode.UNAVAILABLE)] * MAX_TRIES
    entry = await client.messages.send(LOBBY, "in vain")
    assert entry.request is not None
    waiting = asyncio.ensure_future(client.messages.stored(entry.request))
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
    waiting = await first.messages.send(LOBBY, "of the first")
    await heard(first, lambda c: isinstance(c, EntryChanged) and c.entry.delivery is Delivery.SENT)
    before = sum(isinstance(request, Send) for request in server.requests)
    second = await desk.open(follow=False, ready=False)
    await second.connection.connected()
    server.silent = False
    entry = await second.messages.send(LOBBY, "of the second")
    assert entry.request is not None
    await second.messages.stored(entry.request)
    assert sum(isinstance(request, Send) for request in server.requests) == before + 1
    assert waiting.request is not None


async def stored_and_not_here(desk: Desk, server: FakeServer) -> tuple[Client, LogEvent]:
    """Send a message that the server confirms before it shows its event."""
    client = await desk.open()
    server.silent = True
    entry = await client.messages.send(LOBBY, "mine")
    assert entry.request is not None
    await heard(client, lambda c: isinstance(c, EntryChanged) and c.entry.delivery is Delivery.SENT)
    event = server.rooms[LOBBY].log[-1]
    server.wires[-1].say(Ok(re=entry.request, result=server.done[entry.request]))
    await client.messages.stored(entry.request)
    return client, event


async def test_a_message_whose_event_another_program_stored_first_is_not_sent_for_ever(
    desk: Desk, server: FakeServer
) -> None:
    """The other one took its row out of the outbox's table; the place that the server told is known."""
    client, event = await stored_and_not_here(desk, server)
    await parts(client).outbox.flush()
    others = await desk.archive()
    await others.write(insertion.add, [event], [False], event.seq)
    await heard(
        client,
        lambda c: isinstance(c, EntryAdded | EntryChanged) and c.entry.seq == event.seq,
        lambda: server.wires[-1].say(event),
    )
    assert not client.messages.outgoing()
    assert [row.seq for row in await client.history.timeline(LOBBY) if row.text == "mine"] == [event.seq]


async def test_a_message_that_expires_before_its_event_comes_is_not_on_its_way(
    desk: Desk, server: FakeServer
) -> None:
    """Also in a client that stays open: the row in the timeline goes, as that of any expired message."""
    client, event = await stored_and_not_here(desk, server)
    assert client.messages.outgoing()
    gone = MissingEvents(
        room=LOBBY, seq=event.seq, at=event.at, author=BOB, device=event.device, body=Unreadable(),
        first=event.seq, reason=Reason.EXPIRED, days=7,
    )  # fmt: skip
    await parts(client).publisher.publish(LOBBY, [Applied(gone, None, mention=False)])
    assert client.messages.outgoing()  # it is younger than that
    desk.clock.advance(8 * 86_400)
    await parts(client).publisher.publish(LOBBY, [Applied(gone, None, mention=False)])
    assert not client.messages.outgoing()


async def test_what_is_given_up_before_it_is_refused_is_not_sent_again(
    desk: Desk, server: FakeServer
) -> None:
    """The refusal says that it could be tried again."""
    client = await desk.open(follow=False, ready=False)
    await client.connection.connected()
    server.silent = True
    entry = await client.messages.send(LOBBY, "no more")
    assert entry.request is not None
    while not sends(server):
        await asyncio.sleep(0)
    await client.messages.abandon([entry.request])
    server.wires[-1].say(Error(re=entry.request, code=ErrorCode.RATE_LIMITED, retry_after=1_000))
    await turns()
    desk.clock.advance(10)
    await turns()
    assert sends(server) == ["no more"]
