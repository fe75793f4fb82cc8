"""The client as its users see it, on a server in memory."""

import asyncio
import gc
import weakref

import pytest
from tests.client.core.core_fake import GARDEN, LOBBY, Desk, FakeServer, heard, parts

from parlour_client.core.archive import known_rooms
from parlour_client.core.errors import SessionEndedError, SetupError, StoppedError
from parlour_client.core.events import EntryAdded, EntryChanged, RoomsChanged, StatusChanged
from parlour_client.core.model import Delivery, LinkState
from parlour_protocol.errors import SESSION_ENDED, ErrorCode
from parlour_protocol.frames import Error, MessageText, Reaction, TopicText
from parlour_protocol.frames.bodies import Deleted, Edited, Joined, Reacted, TopicSet
from parlour_protocol.frames.replies import ReadMarked, RoomClosed, RoomEntered
from parlour_protocol.frames.requests import History, MarkRead
from parlour_protocol.ids import Seq
from parlour_protocol.secret import Secret


async def test_a_message_is_queued_sent_and_stored(desk: Desk, server: FakeServer) -> None:
    """Sending waits for no network; the server's word comes by ``stored``, the row by its event."""
    client = await desk.open()
    entry = await client.messages.send(LOBBY, "hello")
    assert (entry.delivery, entry.seq) == (Delivery.QUEUED, None)
    assert entry.request is not None
    changed = await heard(client, lambda c: isinstance(c, EntryChanged) and c.entry.seq is not None)
    assert isinstance(changed, EntryChanged)
    assert (changed.entry.request, changed.entry.delivery) == (entry.request, Delivery.STORED)
    assert await client.messages.stored(entry.request) == Seq(2)
    rows = await client.history.timeline(LOBBY)
    assert [(row.seq, row.text) for row in rows] == [(1, None), (2, "hello")]
    assert server.texts() == ["hello"]


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


async def test_edits_reactions_and_deletions_change_the_row(desk: Desk, server: FakeServer) -> None:
    """A row shows its newest text and reactions, and nothing of a deleted message."""
    client = await desk.open()
    target = server.say("first").seq
    server.append(LOBBY, Edited(target=target, text=MessageText.parse("second")))
    server.append(LOBBY, Reacted(target=target, reaction=Reaction.parse("+1"), on=True), author="alice")
    await heard(
        client,
        lambda c: (
            isinstance(c, EntryChanged)
            and len(c.entry.reactions) == 1
            and len(c.entry.reactions[0].users) == 2
        ),
        lambda: server.append(LOBBY, Reacted(target=target, reaction=Reaction.parse("+1"), on=True)),
    )
    (row,) = (await client.history.timeline(LOBBY))[1:]
    assert (row.text, row.edited, row.reactions[0].users) == ("second", True, ("alice", "bobby"))
    await heard(
        client,
        lambda c: isinstance(c, EntryChanged) and c.entry.deleted,
        lambda: server.append(LOBBY, Deleted(target=target)),
    )
    (row,) = (await client.history.timeline(LOBBY))[1:]
    assert (row.text, row.deleted, row.reactions) == (None, True, ())
    assert list(await client.history.search("second")) == []


async def test_what_was_missed_is_fetched_after_a_drop(desk: Desk, server: FakeServer) -> None:
    """A client that comes back has every event that it missed, once."""
    client = await desk.open()
    server.say("before")
    await desk.lose(client)
    for number in range(450):
        server.say(f"missed {number}", tell=False)
    await desk.regain(client)
    events = [
        event.seq for page in range(3) for event in await client.history.log(LOBBY, after=Seq(page * 200))
    ]
    assert events == list(range(1, 453))
    assert server.dials == 2


async def test_a_person_in_a_hurry_does_not_wait(desk: Desk) -> None:
    """The next try comes at once, without the clock; where there is a connection it is said."""
    client = await desk.open()
    with pytest.raises(SetupError, match="There is a connection"):
        client.connection.retry_now()
    await desk.lose(client)
    client.connection.retry_now()
    async with asyncio.timeout(20):
        await client.connection.ready()
    assert client.connection.status.state is LinkState.ONLINE


async def test_a_hole_in_what_is_told_is_fetched(desk: Desk, server: FakeServer) -> None:
    """A number out of turn means that some are missing: they are asked for, and shown in order."""
    client = await desk.open()
    server.say("lost on the way", tell=False)
    await heard(
        client, lambda c: isinstance(c, EntryAdded) and c.entry.seq == 3, lambda: server.say("arrived")
    )
    assert [row.seq for row in await client.history.timeline(LOBBY)] == [1, 2, 3]
    assert sum(isinstance(request, History) for request in server.requests) == 2


async def test_older_history_is_fetched_while_scrolling_back(desk: Desk, server: FakeServer) -> None:
    """A fresh device takes the newest page; the rest comes when it is asked for, without a hole."""
    for number in range(500):
        server.say(f"old {number}", tell=False)
    client = await desk.open()
    seen: list[int | None] = []
    before: Seq | None = None
    while rows := await client.history.timeline(LOBBY, before=before, limit=90):
        seen[:0] = [row.seq for row in rows]
        before = rows[0].seq
    assert seen == list(range(1, 502))


async def test_offline_the_archive_answers(desk: Desk, server: FakeServer) -> None:
    """Without a server the rooms, the history and the search are what they were."""
    server.say("remember the honey", tell=False)
    await (await desk.open()).stop()
    server.refuse_dial = SessionEndedError("The session has ended.")
    client = await desk.open(ready=False)
    assert [room.title for room in client.rooms.all] == ["lobby"]
    assert [row.text for row in await client.history.timeline(LOBBY)] == [None, "remember the honey"]
    assert [row.text for row in await client.history.search("hon")] == ["remember the honey"]


async def test_an_ended_session_stops_the_client(desk: Desk, server: FakeServer) -> None:
    """Close code 4001 needs the person: no further try, and everything that waits is told why."""
    client = await desk.open()
    stopped = lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.STOPPED  # noqa: E731
    await heard(client, stopped, lambda: server.drop(SESSION_ENDED))
    entry = await client.messages.send(LOBBY, "too late")
    assert entry.request is not None
    with pytest.raises(SessionEndedError):
        await client.messages.stored(entry.request)
    with pytest.raises(SessionEndedError):
        await client.connection.ready()
    desk.clock.advance(600)
    assert server.dials == 1


async def test_unread_messages_and_mentions_are_counted(desk: Desk, server: FakeServer) -> None:
    """Messages of others above the marker count; reading them, here or on another device, ends that."""
    client = await desk.open()
    server.say("hi @Alice, are you there?")
    server.say("mine", author="alice")
    await heard(
        client, lambda c: isinstance(c, EntryAdded) and c.entry.text == "more", lambda: server.say("more")
    )
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert (room.unread, room.mentions, room.head) == (2, 1, 4)
    await client.messages.mark_read(LOBBY, Seq(2))
    assert (client.rooms.all[0].unread, client.rooms.all[0].mentions) == (1, 0)
    assert isinstance(server.requests[-1], MarkRead)
    marked = ReadMarked(room=LOBBY, seq=Seq(4))
    await heard(client, lambda c: isinstance(c, RoomsChanged), lambda: server.wires[0].say(marked))
    assert client.rooms.all[0].unread == 0


async def test_a_marker_set_offline_is_told_later(desk: Desk, server: FakeServer) -> None:
    """What was read without a connection is read for the other devices too, afterwards."""
    client = await desk.open()
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say("news"))
    await desk.lose(client)
    await client.messages.mark_read(LOBBY, Seq(2))
    await desk.regain(client)
    assert [request.seq for request in server.requests if isinstance(request, MarkRead)] == [2]
    assert client.rooms.all[0].unread == 0


async def test_rooms_come_and_go(desk: Desk, server: FakeServer) -> None:
    """Being brought into a room and put out of it changes the list at once."""
    client = await desk.open()
    server.add_room(GARDEN, "garden")
    entered = RoomEntered(room=server.summary(GARDEN))
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.wires[0].say(entered))
    assert [room.title for room in client.rooms.all] == ["garden", "lobby"]
    server.append(GARDEN, TopicSet(topic=TopicText.parse("bees")))
    await heard(
        client,
        lambda c: isinstance(c, RoomsChanged),
        lambda: server.append(GARDEN, Joined(members=3), author="carla"),
    )
    garden = client.rooms.get(GARDEN)
    assert garden is not None
    assert (garden.topic, garden.members) == ("bees", 3)
    closed = RoomClosed(room=GARDEN)
    await heard(client, lambda c: isinstance(c, RoomsChanged), lambda: server.wires[0].say(closed))
    assert [room.title for room in client.rooms.all] == ["lobby"]
    with pytest.raises(SetupError, match="not in this room"):
        await client.messages.send(GARDEN, "anybody here?")


async def test_a_refused_edit_is_told_at_its_message(desk: Desk, server: FakeServer) -> None:
    """An edit has no row of its own: why it was refused stands at the message."""
    client = await desk.open()
    server.say("theirs")
    server.refusals.append(Error(code=ErrorCode.FORBIDDEN))
    await client.messages.edit(LOBBY, Seq(2), "mine now")
    change = await heard(client, lambda c: isinstance(c, EntryChanged) and bool(c.entry.problem))
    assert isinstance(change, EntryChanged)
    assert (change.entry.seq, change.entry.text) == (2, "theirs")


async def test_what_cannot_be_sent_is_refused_before_it_is_queued(desk: Desk, server: FakeServer) -> None:
    """An empty, an oversized and an ill-formed text never reach the outbox."""
    client = await desk.open()
    for text in ("", "  ", "x" * 9_000, "nul\0", "\ud800", "\n" * 300):
        with pytest.raises(SetupError, match="cannot be sent"):
            await client.messages.send(LOBBY, text)
    assert server.texts() == []


@pytest.mark.parametrize(
    ("text", "todo"), [("x" * 9_000, "shorter"), ("\n" * 300 + "x", "shorter"), ("nul\0", "take it out")]
)
async def test_what_to_do_about_a_refused_text_fits(desk: Desk, text: str, todo: str) -> None:
    """One that is too long is shortened, one with a bad character is not."""
    client = await desk.open()
    with pytest.raises(SetupError) as refused:
        await client.messages.send(LOBBY, text)
    assert todo in refused.value.hint


async def test_changes_end_with_the_client(desk: Desk) -> None:
    """A bot's loop over changes ends when the client stops."""
    client = await desk.open()

    async def all_of_them() -> int:
        return len([change async for change in client.events.stream()])

    counting = asyncio.ensure_future(all_of_them())
    await client.messages.send(LOBBY, "one")
    await client.stop()
    assert await counting > 0
    with pytest.raises(StoppedError):
        _ = client.connection.status


async def test_a_client_that_only_sends_fetches_nothing(desk: Desk, server: FakeServer) -> None:
    """`send` in a script does not pay for rooms that it does not read."""
    for number in range(30):
        server.say(f"old {number}", tell=False)
    client = await desk.open(follow=False)
    entry = await client.messages.send(LOBBY, "quick")
    assert entry.request is not None
    assert await client.messages.stored(entry.request) == 32
    assert not any(isinstance(request, History) for request in server.requests)


async def test_drafts_survive_a_restart(desk: Desk) -> None:
    """What was typed and not sent is there the next time."""
    client = await desk.open()
    await client.messages.save_draft(LOBBY, "half a sent")
    await client.stop()
    assert await (await desk.open()).draft(LOBBY) == "half a sent"


async def test_the_wire_form_is_what_the_server_sent(desk: Desk, server: FakeServer) -> None:
    """The inspector shows the event's JSON, byte for byte."""
    from parlour_protocol.frames import encode  # noqa: PLC0415 - beside its one use

    client = await desk.open()
    event = server.say("exactly \x1b this")
    await heard(client, lambda c: isinstance(c, EntryAdded) and c.entry.seq == 3, lambda: server.say("next"))
    (_, row, _) = await client.history.timeline(LOBBY)
    assert client.history.wire_form(row) == encode(event).decode()


async def test_a_stopped_client_keeps_no_key(desk: Desk) -> None:
    """What was locked is locked: the archive is closed, and neither its key nor the passphrase is at hand."""
    client = await desk.open()
    client._passphrase = Secret("open sesame")
    archive, made = parts(client).archive, weakref.ref(parts(client))
    await client.stop()
    assert client._passphrase is None
    with pytest.raises(RuntimeError, match="shutdown"):
        await archive.read(known_rooms.load)
    kept = weakref.ref(archive)  # which holds the archive's key, as the parts hold the account's and devices'
    del archive
    for _ in range(3):  # callbacks that were on their way
        await asyncio.sleep(0)
    gc.collect()
    assert (made(), kept()) == (None, None)
