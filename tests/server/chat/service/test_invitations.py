"""Invitations and pending direct rooms are delivered only to the people they are for."""

from tests.server.chat.service.disk import DiskWorld
from tests.server.chat.service.fakes import FakePeer, World, refused, settle, stored

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Invited
from parlour_protocol.frames.replies import (
    Entered,
    Hello,
    InvitationReceived,
    Invitations,
    InvitationWithdrawn,
    LogEvent,
    Members,
    Ok,
    ReadBy,
    RoomClosed,
    RoomEntered,
    StatusUpdate,
    TypingUpdate,
)
from parlour_protocol.frames.requests import (
    Accept,
    Block,
    Decline,
    History,
    Invite,
    Join,
    ListBans,
    ListInvitations,
    ListMembers,
    ListPins,
    MarkRead,
    OpenDirect,
    Send,
    SetTopic,
    Typing,
    Uninvite,
)
from parlour_protocol.rooms import Status
from parlour_server.chat.store.types import RoomAdvanced


async def test_an_invitation_arrives_live_without_anything_else_of_the_room(chat: World):
    """L14: every device of the invited person gets the invitation, and nothing else until they accept."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    devices = [await chat.connect("bob"), await chat.connect("bob")]
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    stored(await chat.ask(ada, Send, room=room, text="secret"))
    stored(await chat.ask(ada, SetTopic, room=room, topic="secret"))
    await chat.ask(ada, Typing, room=room, on=True)
    await chat.ask(ada, MarkRead, room=room, seq=3, share=True)
    await settle()
    for peer in devices:
        assert [type(frame) for frame in peer.frames] == [Hello, InvitationReceived]
        reported = peer.got(InvitationReceived)[0].invitation
        assert (reported.room, reported.name, reported.inviter) == (room, "den", "ada")
    for kind, fields in (
        (Send, {"text": "x"}),
        (History, {}),
        (ListMembers, {}),
        (ListBans, {}),
        (ListPins, {}),
        (MarkRead, {"seq": 1}),
        (Typing, {"on": True}),
    ):
        answer = refused(await chat.ask(devices[0], kind, room=room, **fields))
        assert answer.code is ErrorCode.NOT_FOUND


async def test_who_accepts_enters_on_all_devices(chat: World):
    """The requesting device gets the room as its answer, the others as a notification; everyone sees it."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    bob, other = await chat.connect("bob"), await chat.connect("bob")
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    answer = await chat.ask(bob, Accept, room=room)
    assert isinstance(answer, Ok)
    assert isinstance(answer.result, Entered)
    assert answer.result.room.room == room
    assert not bob.got(RoomEntered)
    assert [frame.room.room for frame in other.got(RoomEntered)] == [room]
    stored(await chat.ask(ada, Send, room=room, text="welcome"))
    assert bob.texts(room) == other.texts(room) == ["welcome"]
    assert refused(await chat.ask(bob, Accept, room=room)).code is ErrorCode.ALREADY


async def test_a_replayed_accept_is_one_event(chat: World):
    """M6: the same request again gets the same answer; two devices at once make one member."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    bob, other = await chat.connect("bob"), await chat.connect("bob")
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    first, second = chat.push(bob, Accept, room=room), chat.push(other, Accept, room=room)
    await settle()
    answers = {type(chat.answer(bob, first)).__name__, type(chat.answer(other, second)).__name__}
    assert answers == {"Ok", "Error"}
    assert chat.store.member_count(room) == 2


async def test_only_ones_own_devices_are_notified_of_declining(chat: World):
    """L14: the invitation goes from all of them, and from the inviter's side nothing happens."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    bob, other = await chat.connect("bob"), await chat.connect("bob")
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    before = len(ada.frames)
    assert isinstance(await chat.ask(bob, Decline, room=room), Ok)
    await settle()
    assert bob.frames[-1] == other.frames[-1] == InvitationWithdrawn(room=room)
    assert len(ada.frames) == before
    assert refused(await chat.ask(bob, Decline, room=room)).code is ErrorCode.NOT_FOUND


async def test_what_is_taken_back_is_gone_live(chat: World):
    """The invited person's devices forget it; the log shows it to the room."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    bob = await chat.connect("bob")
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    stored(await chat.ask(ada, Uninvite, room=room, user="bob"))
    await settle()
    assert bob.frames[-1] == InvitationWithdrawn(room=room)
    assert refused(await chat.ask(bob, Accept, room=room)).code is ErrorCode.NOT_FOUND
    assert [event.seq for event in ada.events(room)] == [2, 3]


async def test_an_invitation_by_another_process_arrives(chat: World):
    """The journal reports new events; invited people are notified, with or without listeners."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    chat.chat.closed(ada)
    bob = await chat.connect("bob")
    event = chat.elsewhere(room, "ada", Invited(who=bob.info.grant.user))
    chat.chat.journal(RoomAdvanced(room, event.seq))
    await settle()
    assert [type(frame) for frame in bob.frames] == [Hello, InvitationReceived]


async def test_an_invitation_during_the_greeting_arrives_after_the_hello(chat: World):
    """What came too late for the count of the greeting follows it."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    held = chat.store.hold("greeting")
    bob = chat.open("bob")
    await settle()
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    held.set()
    await settle()
    assert [type(frame) for frame in bob.frames] == [Hello, InvitationReceived]


async def test_a_later_connection_gets_the_number_of_invitations_and_requests_them(chat: World):
    """After a reconnection the list is complete."""
    ada = await chat.connect("ada")
    chat.account("bob")
    rooms = [await chat.make_room(ada, f"den{number}", "private") for number in range(3)]
    for room in rooms:
        stored(await chat.ask(ada, Invite, room=room, user="bob"))
    bob = await chat.connect("bob")
    assert bob.got(Hello)[0].invitations == 3
    assert not bob.got(Hello)[0].rooms
    answer = await chat.ask(bob, ListInvitations)
    assert isinstance(answer, Ok)
    assert isinstance(answer.result, Invitations)
    assert [one.room for one in answer.result.invitations] == sorted(rooms)
    assert (await chat.connect("eve")).got(Hello)[0].invitations == 0


async def test_an_invited_person_may_join_and_a_stranger_may_not(chat: World):
    """A private room that one is invited into is there for `join`, too."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "den", "private")
    bob, eve = await chat.connect("bob"), await chat.connect("eve")
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    assert refused(await chat.ask(eve, Accept, room=room)).code is ErrorCode.NOT_FOUND
    assert isinstance(await chat.ask(bob, Join, room=room), Ok)


def request_of(peer: FakePeer) -> bool:
    """Return whether the newest room that someone was notified of is a request."""
    return peer.got(RoomEntered)[-1].room.request


async def test_a_direct_room_waits_and_tells_nothing_until_the_yes(disk: DiskWorld):
    """L14: who opened it sees neither whether the other is here, nor what they read, nor that they type."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    opened = await disk.ask(ada, OpenDirect, user="bob")
    assert isinstance(opened, Ok)
    assert isinstance(opened.result, Entered)
    room = opened.result.room.room
    assert not opened.result.room.request
    await bob.until(lambda: bob.got(RoomEntered))
    assert request_of(bob)
    stored(await disk.ask(ada, Send, room=room, text="hello"))
    await bob.until(lambda: bob.texts(room) == ["hello"])
    assert isinstance(await disk.ask(bob, Typing, room=room, on=True), Ok)
    assert isinstance(await disk.ask(bob, MarkRead, room=room, seq=2, share=True), Ok)
    reported = await disk.ask(ada, ListMembers, room=room)
    assert isinstance(reported, Ok)
    assert isinstance(reported.result, Members)
    assert {member.user: member.status for member in reported.result.members} == {
        "ada": Status.ONLINE,
        "bob": Status.OFFLINE,
    }
    assert not [*ada.got(TypingUpdate), *ada.got(ReadBy), *ada.got(StatusUpdate)]
    answer = await disk.ask(bob, Accept, room=room)
    assert isinstance(answer, Ok)
    assert isinstance(answer.result, Entered)
    assert not answer.result.room.request
    assert isinstance(await disk.ask(bob, Typing, room=room, on=True), Ok)
    await ada.until(lambda: ada.got(TypingUpdate))


async def test_an_answer_is_a_yes_on_all_devices(disk: DiskWorld):
    """Who writes in a direct room that waits has accepted it."""
    ada, bob, other = await disk.connect("ada"), await disk.connect("bob"), await disk.connect("bob")
    opened = await disk.ask(ada, OpenDirect, user="bob")
    assert isinstance(opened, Ok)
    assert isinstance(opened.result, Entered)
    room = opened.result.room.room
    await bob.until(lambda: bob.got(RoomEntered))
    stored(await disk.ask(bob, Send, room=room, text="hi"))
    for peer in (bob, other):
        await peer.until(lambda peer=peer: not request_of(peer))  # type: ignore[misc]


async def test_a_hidden_direct_room_disappears_from_all_own_devices_only(disk: DiskWorld):
    """L14: declined, it is closed for its person; what is written there reaches them no more."""
    ada, bob, other = await disk.connect("ada"), await disk.connect("bob"), await disk.connect("bob")
    opened = await disk.ask(ada, OpenDirect, user="bob")
    assert isinstance(opened, Ok)
    assert isinstance(opened.result, Entered)
    room = opened.result.room.room
    for peer in (bob, other):
        await peer.until(lambda peer=peer: peer.got(RoomEntered))  # type: ignore[misc]
    assert isinstance(await disk.ask(bob, Block, user="ada"), Ok)
    for peer in (bob, other):
        await peer.until(lambda peer=peer: peer.got(RoomClosed))  # type: ignore[misc]
    stored(await disk.ask(ada, Send, room=room, text="are you there?"))
    assert refused(await disk.ask(bob, Send, room=room, text="no")).code is ErrorCode.NOT_FOUND
    assert bob.texts(room) == other.texts(room) == []
    assert [type(frame) for frame in ada.frames if not isinstance(frame, Ok | Hello)] == [LogEvent]
    answer = await disk.ask(bob, OpenDirect, user="ada")
    assert isinstance(answer, Ok)
    await other.until(lambda: not request_of(other) and len(other.got(RoomEntered)) > 1)
