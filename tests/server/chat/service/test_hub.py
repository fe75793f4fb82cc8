"""Fan-out: order, gaps, memberships that begin and end, and who receives what."""

import asyncio
from typing import Any

import pytest
from tests.server.chat.service.fakes import LAPTOP, FakePeer, World, refused, settle, stored

from parlour_protocol.frames.bodies import Added, Banned, Deleted, Kicked, Left, Message, RoleSet, RoomDeleted
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Entered, Hello, LogEvent, Ok, RoomClosed, RoomEntered, RoomSummary
from parlour_protocol.frames.requests import Ban, History, Join, Kick, Leave, Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_server.app.log import gap_filler as gaps
from parlour_server.chat.service.notices import EventCommitted
from parlour_server.chat.store.types import AppendEvent, RoomAdvanced


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill holes at once: the wait is for other servers, of which there are none here."""
    monkeypatch.setattr(gaps, "_WAIT", 0.0)
    monkeypatch.setattr(gaps, "_RETRY", 0.0)


async def two_in_a_room(chat: World, kind: str = "public") -> tuple[FakePeer, FakePeer, RoomId]:
    """Connect Ada and Bob, and bring them into one room."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge", kind)
    await chat.bring(ada, room, "bob")
    return ada, bob, room


def text_message(text: str) -> Message:
    """Return a message's body."""
    return Message(text=MessageText(text))


async def test_events_received_out_of_order_are_delivered_in_order(chat: World):
    """Notices that overtake each other change nothing for the members."""
    _, bob, room = await two_in_a_room(chat)
    events = [chat.elsewhere(room, "ada", text_message(f"{n}")) for n in range(5)]
    for index in (2, 1, 4, 0, 3):
        chat.bus.publish(EventCommitted(events[index]))
    await settle()
    assert bob.texts(room) == ["0", "1", "2", "3", "4"]
    assert chat.store.reads.count("page") == 0


async def test_a_hole_is_filled_from_the_store(chat: World):
    """A lost notice delays; it loses nothing."""
    _, bob, room = await two_in_a_room(chat)
    events = [chat.elsewhere(room, "ada", text_message(f"{n}")) for n in range(4)]
    chat.bus.publish(EventCommitted(events[3]))
    await settle()
    assert bob.texts(room) == ["0", "1", "2", "3"]


async def test_a_hole_longer_than_a_page_is_filled(chat: World):
    """Filling goes on until nothing is missing."""
    _, bob, room = await two_in_a_room(chat)
    events = [chat.elsewhere(room, "ada", text_message(f"{n}")) for n in range(450)]
    chat.bus.publish(EventCommitted(events[-1]))
    await settle()
    assert bob.texts(room) == [f"{n}" for n in range(450)]


async def test_a_hole_is_filled_when_the_store_is_back(chat: World):
    """A store that cannot answer is asked again; later events wait in order."""
    _, bob, room = await two_in_a_room(chat)
    events = [chat.elsewhere(room, "ada", text_message(f"{n}")) for n in range(2)]
    chat.store.down = True
    chat.bus.publish(EventCommitted(events[1]))
    await settle()
    assert bob.texts(room) == []
    chat.store.down = False
    await settle()
    assert bob.texts(room) == ["0", "1"]


async def test_a_repeated_notification_is_delivered_once(chat: World):
    """A bus may repeat itself; members get each event once."""
    _, bob, room = await two_in_a_room(chat)
    event = chat.elsewhere(room, "ada", text_message("once"))
    for _ in range(3):
        chat.bus.publish(EventCommitted(event))
    await settle()
    assert bob.texts(room) == ["once"]


async def test_the_journal_brings_what_another_process_appended(chat: World):
    """`RoomAdvanced` reads on, also for a room that no one here listens to yet."""
    _, bob, room = await two_in_a_room(chat)
    chat.elsewhere(room, "ada", text_message("from the command line"))
    head = chat.store.head(room)
    chat.chat.journal(RoomAdvanced(room, head))
    await settle()
    assert bob.texts(room) == ["from the command line"]
    cyd = await chat.connect("cyd")
    quiet = await chat.make_room(cyd, "quiet")
    chat.chat.closed(cyd)
    chat.elsewhere(quiet, "cyd", Added(who=bob.info.grant.user))
    head = chat.store.head(quiet)
    chat.chat.journal(RoomAdvanced(quiet, head))
    await settle()
    assert [frame.room.room for frame in bob.got(RoomEntered)][-1] == quiet


async def test_the_journal_begins_memberships_from_before_the_first_listener(chat: World):
    """Someone who began to listen after an event does not hide from others that it added them."""
    bob, cyd = await chat.connect("bob"), await chat.connect("cyd")
    quiet = await chat.make_room(cyd, "quiet")
    chat.chat.closed(cyd)
    chat.elsewhere(quiet, "cyd", Added(who=bob.info.grant.user))
    await chat.connect("cyd")
    chat.chat.journal(RoomAdvanced(quiet, chat.store.head(quiet)))
    await settle()
    assert [frame.room.room for frame in bob.got(RoomEntered)] == [quiet]


async def test_the_last_listener_takes_no_ones_membership_along(chat: World):
    """Whoever was added hears of it, though the only listener left before the gap was filled."""
    bob, cyd = await chat.connect("bob"), await chat.connect("cyd")
    quiet = await chat.make_room(cyd, "quiet")
    chat.elsewhere(quiet, "cyd", Added(who=bob.info.grant.user))
    chat.chat.journal(RoomAdvanced(quiet, chat.store.head(quiet)))
    chat.chat.closed(cyd)
    await settle()
    assert [frame.room.room for frame in bob.got(RoomEntered)] == [quiet]


@pytest.mark.parametrize("listens", [False, True])
async def test_an_event_between_a_read_and_the_first_listener_is_delivered(chat: World, *, listens: bool):
    """A greeting that read the room before its last event is followed by it, with or without listeners."""
    ada, bob, room = await two_in_a_room(chat)
    chat.chat.closed(bob)
    if not listens:
        chat.chat.closed(ada)
    held = chat.store.hold("greeting")
    bob = chat.open("bob")
    await settle()
    chat.bus.publish(EventCommitted(chat.elsewhere(room, "ada", text_message("the last"))))
    chat.chat.closed(ada)
    held.set()
    await settle()
    assert bob.texts(room) == ["the last"]


async def test_a_burst_from_another_process_is_one_read(chat: World, monkeypatch: pytest.MonkeyPatch):
    """A hundred events of a room that no one here listens to are read together, from the first of them."""
    bob, cyd = await chat.connect("bob"), await chat.connect("cyd")
    quiet = await chat.make_room(cyd, "quiet")
    chat.chat.closed(cyd)
    chat.elsewhere(quiet, "cyd", Added(who=bob.info.grant.user))
    for _ in range(99):
        chat.elsewhere(quiet, "cyd", text_message("from the command line"))
    head = chat.store.head(quiet)
    reads: list[Seq | None] = []
    read = chat.store.log.page

    async def page(room: RoomId, *, after: Seq | None, **limits: Any) -> Any:
        reads.append(after)
        return await read(room, after=after, **limits)

    monkeypatch.setattr(chat.store.log, "page", page)
    for seq in range(head - 99, head + 1):
        chat.chat.journal(RoomAdvanced(quiet, Seq(seq)))
    await settle()
    assert reads == [head - 100]
    assert [frame.room.room for frame in bob.got(RoomEntered)] == [quiet]


async def test_a_kick_ends_sending_delivery_and_history_at_once(chat: World):
    """S4: stale room rights: a kicked member cannot send, receives nothing more, and cannot read history."""
    ada, bob, room = await two_in_a_room(chat)
    kick = chat.push(ada, Kick, room=room, user="bob", reason="bye")
    after = chat.push(ada, Send, room=room, text="about bob")
    await settle()
    stored(chat.answer(ada, kick))
    stored(chat.answer(ada, after))
    assert bob.texts(room) == []
    assert isinstance(bob.events(room)[-1].body, Kicked)
    assert bob.frames[-1] == RoomClosed(room=room)
    refused(await chat.ask(bob, Send, room=room, text="let me in"))
    refused(await chat.ask(bob, History, room=room))
    assert ada.texts(room) == ["about bob"]


async def test_a_kick_between_two_messages_of_one_flush_cuts_between_them(chat: World):
    """S4: a busy room's collected events go out before the kick takes effect, later ones after it."""
    ada, bob, room = await two_in_a_room(chat)
    chat.push(ada, Send, room=room, text="before")
    chat.push(ada, Kick, room=room, user="bob")
    chat.push(ada, Send, room=room, text="after")
    await settle()
    assert bob.texts(room) == ["before"]
    assert ada.texts(room) == ["before", "after"]


async def test_history_that_was_read_before_a_kick_is_not_given_after_it(chat: World):
    """S4: membership is looked up after the page was read."""
    ada, bob, room = await two_in_a_room(chat, "private")
    held = chat.store.hold("page")
    request = chat.push(bob, History, room=room)
    await settle()
    await chat.ask(ada, Kick, room=room, user="bob")
    held.set()
    await settle()
    refused(chat.answer(bob, request))


@pytest.mark.parametrize(("kind", "fields"), [(Kick, {"user": "bob"}), (Ban, {"user": "bob"})])
async def test_every_connection_of_the_removed_user_is_notified(
    chat: World, kind: type, fields: dict[str, str]
):
    """Removed on one device, removed on all; the other members go on."""
    ada, bob, room = await two_in_a_room(chat)
    other = await chat.connect("bob")
    stored(await chat.ask(ada, kind, room=room, **fields))
    for peer in (bob, other):
        assert peer.frames[-1] == RoomClosed(room=room)
    assert not ada.got(RoomClosed)


async def test_leaving_closes_the_room_on_all_devices(chat: World):
    """Who leaves gets the event, then `room_closed`, then nothing."""
    ada, bob, room = await two_in_a_room(chat)
    other = await chat.connect("bob")
    stored(await chat.ask(bob, Leave, room=room))
    await chat.ask(ada, Send, room=room, text="gone?")
    for peer in (bob, other):
        assert isinstance(peer.events(room)[-1].body, Left)
        assert len(peer.got(RoomClosed)) == 1


async def test_events_added_by_the_store_are_delivered_too(chat: World):
    """The promotion that follows from the last owner's leaving reaches the members."""
    ada, bob, room = await two_in_a_room(chat)
    stored(await chat.ask(ada, Leave, room=room))
    assert [type(event.body) for event in bob.events(room)[-2:]] == [Left, RoleSet]


async def test_an_added_member_enters_on_all_devices(chat: World):
    """An added person gets the room's summary first, then its events."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    devices = [await chat.connect("bob"), await chat.connect("bob")]
    await chat.bring(ada, room, "bob")
    await chat.ask(ada, Send, room=room, text="welcome")
    for peer in devices:
        entered = peer.got(RoomEntered)
        assert [frame.room.room for frame in entered] == [room]
        assert entered[0].room.head == 3
        assert peer.texts(room) == ["welcome"]


async def test_joining_answers_the_request_and_notifies_the_other_devices(chat: World):
    """The asker gets `entered` before any event; the other device gets `room_entered`."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    bob, other = await chat.connect("bob"), await chat.connect("bob")
    request = chat.push(bob, Join, room=room)
    sent = [chat.push(ada, Send, room=room, text=f"{n}") for n in range(3)]
    await settle()
    assert all(stored(chat.answer(ada, s)) for s in sent)
    answer = chat.answer(bob, request)
    assert isinstance(answer, Ok)
    assert isinstance(answer.result, Entered)
    head = answer.result.room.head
    assert all(event.seq > head for event in bob.events(room))
    assert [event.seq for event in bob.events(room)] == list(range(head + 1, 6))
    assert not bob.got(RoomEntered)
    assert len(other.got(RoomEntered)) == 1


async def test_a_kick_that_overtakes_an_entry_wins(chat: World):
    """S4: added and kicked while the summary was being read: no room is entered."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    bob = await chat.connect("bob")
    held = chat.store.hold("summary")
    await chat.bring(ada, room, "bob")
    await chat.ask(ada, Kick, room=room, user="bob")
    held.set()
    await settle()
    await chat.ask(ada, Send, room=room, text="secret")
    assert not bob.got(RoomEntered)
    assert bob.texts(room) == []


async def test_a_removal_received_late_still_ends_the_delivery(chat: World):
    """S4: an event that every other listener has passed already ends a membership read before it."""
    ada, bob, room = await two_in_a_room(chat)
    held = chat.store.hold("greeting")
    late = chat.open("bob")
    await settle()
    chat.chat.closed(ada)
    chat.chat.closed(bob)
    event = chat.elsewhere(room, "ada", Banned(who=bob.info.grant.user))
    fresh = await asyncio.wait_for(_connect_without_waiting(chat, held), 60)
    chat.bus.publish(EventCommitted(event))
    chat.bus.publish(EventCommitted(chat.elsewhere(room, "ada", text_message("secret"))))
    await settle()
    assert fresh.texts(room) == ["secret"]
    assert late.texts(room) == []
    hello = late.frames[0]
    assert isinstance(hello, Hello)
    assert room in {summary.room for summary in hello.rooms}
    assert late.frames[-1] == RoomClosed(room=room)


async def _connect_without_waiting(chat: World, held: asyncio.Event) -> FakePeer:
    """Connect Ada, whose rooms are read later than those of the delayed connection."""
    ada = chat.open("ada")
    await settle()
    held.set()
    await settle()
    return ada


async def test_only_members_are_notified(chat: World):
    """A connected stranger gets no events of a room, public or not."""
    ada = await chat.connect("ada")
    eve = await chat.connect("eve")
    for name, kind in (("lounge", "public"), ("den", "private")):
        room = await chat.make_room(ada, name, kind)
        await chat.ask(ada, Send, room=room, text="hello")
    assert not eve.got(LogEvent)
    assert not eve.got(RoomEntered)


async def test_a_room_without_listeners_is_dropped(chat: World):
    """No feed outlives its last connection."""
    ada, bob, room = await two_in_a_room(chat)
    assert chat.program.hub.sequencer(room)
    chat.chat.closed(ada)
    chat.chat.closed(bob)
    assert chat.program.hub.sequencer(room) is None


async def test_an_old_removal_received_again_removes_no_one(chat: World):
    """A bus may repeat itself: who was kicked and came back stays."""
    ada, bob, room = await two_in_a_room(chat)
    await chat.ask(ada, Kick, room=room, user="bob")
    kick = ada.events(room)[-1]
    await chat.ask(bob, Join, room=room)
    chat.bus.publish(EventCommitted(kick))
    await chat.ask(ada, Send, room=room, text="welcome back")
    assert bob.texts(room) == ["welcome back"]


async def test_brought_in_while_being_greeted_enters_after_the_hello(chat: World):
    """The hello does not list the room; `room_entered` follows it."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    held = chat.store.hold("greeting")
    bob = chat.open("bob")
    await settle()
    await chat.bring(ada, room, "bob")
    held.set()
    await settle()
    assert [type(frame) for frame in bob.frames] == [Hello, RoomEntered]
    await chat.ask(ada, Send, room=room, text="welcome")
    assert bob.texts(room) == ["welcome"]


async def test_a_join_is_answered_without_a_second_notification(chat: World, monkeypatch: pytest.MonkeyPatch):
    """Even when the reading for the other devices is done first."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    bob, other = await chat.connect("bob"), await chat.connect("bob")
    plain, slow = chat.store.rooms.summary, [True]

    async def slow_for_the_asker(room: RoomId, user: UserName) -> RoomSummary | None:
        if slow and slow.pop():
            await settle()
        return await plain(room, user)

    monkeypatch.setattr(chat.store.rooms, "summary", slow_for_the_asker)
    request = chat.push(bob, Join, room=room)
    await settle()
    await settle()
    assert isinstance(chat.answer(bob, request), Ok)
    assert not bob.got(RoomEntered)
    assert len(other.got(RoomEntered)) == 1


async def test_members_get_what_anyone_appends(chat: World):
    """Whoever appends to a room's log need not think of its members, nor wait for the disk."""
    ada, bob, room = await two_in_a_room(chat)
    event = AppendEvent(
        room, ada.info.grant.user, LAPTOP, new_request_id(), chat.clock.now(), text_message("by a job"), None
    )
    chat.store.log.append(event, lambda *_: None)
    await settle()
    chat.store.log.append(event, lambda *_: None)  # a replay was told
    await settle()
    assert bob.texts(room) == ["by a job"]


@pytest.mark.parametrize("body", [Deleted(target=Seq(3)), RoomDeleted()])
async def test_capabilities_hear_that_content_was_removed(chat: World, body: Deleted | RoomDeleted):
    """By someone here, or at another server."""
    ada, _, room = await two_in_a_room(chat)
    await chat.ask(ada, Send, room=room, text="soon gone")
    heard: list[None] = []
    chat.program.hooks.content_removed.append(lambda: heard.append(None))
    chat.bus.publish(EventCommitted(chat.elsewhere(room, "ada", body)))
    await settle()
    assert len(heard) == 1
