"""Requests that are no plain append: rooms, direct rooms, members, the directory, markers, idempotence."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.server.chat.service.disk import DiskWorld
from tests.server.chat.service.fakes import World, refused, settle, stored

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Muted, RoleSet, TopicSet
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.replies import (
    Bans,
    Directory,
    Entered,
    Error,
    LogEvent,
    Members,
    Ok,
    Page,
    ReadMarked,
    RoomClosed,
    RoomEntered,
    RoomSummary,
    TypingUpdate,
)
from parlour_protocol.frames.requests import (
    Accept,
    Ban,
    Block,
    CreateRoom,
    Decline,
    Edit,
    History,
    Invite,
    Join,
    Kick,
    ListBans,
    ListMembers,
    ListPins,
    ListRooms,
    MarkRead,
    Mute,
    OpenDirect,
    Report,
    Send,
    SetRole,
    Typing,
)
from parlour_protocol.kit.errors import SESSION_ENDED
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.rooms import Role, RoomKind, Status
from parlour_server.chat.audit import ChatAuditEvent
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.audit import AuditEvent
from parlour_server.core.errors import UnavailableError


def entered(answer: Ok | Error) -> RoomSummary:
    """Return the room that was entered, or fail."""
    assert isinstance(answer, Ok), answer
    assert isinstance(answer.result, Entered)
    return answer.result.room


async def test_a_repeated_send_is_stored_and_delivered_once(chat: World):
    """M6: the same id again gets the same answer; the room has one message."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    request = new_request_id()
    first = stored(await chat.ask(ada, Send, id=request, room=room, text="once"))
    ada.frames.clear()
    assert stored(await chat.ask(ada, Send, id=request, room=room, text="once")) == first
    again = await chat.connect("ada")
    assert stored(await chat.ask(again, Send, id=request, room=room, text="once")) == first
    assert not ada.got(LogEvent)
    assert chat.store.head(room) == 2


async def test_an_id_used_for_something_else_is_a_conflict(chat: World):
    """M6: an id cannot be reused to slip in another text."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    request = new_request_id()
    await chat.ask(ada, Send, id=request, room=room, text="once")
    ada.frames.clear()
    again = await chat.ask(ada, Send, id=request, room=room, text="twice")
    assert refused(again).code is ErrorCode.CONFLICT


async def test_a_room_is_made_once_for_one_request(chat: World):
    """M6: making a room again with the same id enters the same room."""
    ada = await chat.connect("ada")
    request = new_request_id()
    first = entered(await chat.ask(ada, CreateRoom, id=request, name="lounge", kind="public"))
    ada.frames.clear()
    again = entered(await chat.ask(ada, CreateRoom, id=request, name="lounge", kind="public"))
    assert again.room == first.room


async def test_a_taken_name_is_refused(chat: World):
    """Two rooms of one name cannot exist."""
    ada = await chat.connect("ada")
    await chat.make_room(ada, "lounge")
    answer = await chat.ask(ada, CreateRoom, name="lounge", kind="private")
    assert refused(answer).code is ErrorCode.NAME_TAKEN


async def test_both_people_share_one_direct_room_and_the_other_is_notified(chat: World):
    """Opening it from either side gives the same room; the other's devices enter it."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    one = entered(await chat.ask(ada, OpenDirect, user="bob"))
    other = entered(await chat.ask(bob, OpenDirect, user="ada"))
    assert one.room == other.room
    assert (one.kind, one.peer, other.peer) == (RoomKind.DIRECT, "bob", "ada")
    told = [(frame.room.room, frame.room.request) for frame in bob.got(RoomEntered)]
    assert told == [(one.room, True), (one.room, False)]  # opening it from the other side accepts it
    stored(await chat.ask(bob, Send, room=one.room, text="hi"))
    assert ada.texts(one.room) == ["hi"]


async def test_a_direct_room_needs_someone_who_exists(chat: World):
    """No one has no room; oneself has one."""
    ada = await chat.connect("ada")
    notes = await chat.ask(ada, OpenDirect, user="ada")
    again = await chat.ask(ada, OpenDirect, user="ada")
    assert isinstance(notes, Ok)
    assert isinstance(again, Ok)
    assert notes.result == again.result
    assert refused(await chat.ask(ada, OpenDirect, user="zoe")).code is ErrorCode.NOT_FOUND


async def test_a_private_room_is_invisible_to_strangers_whatever_they_ask(chat: World):
    """A private room answers a stranger as one that is not there (enumeration of rooms)."""
    ada, eve = await chat.connect("ada"), await chat.connect("eve")
    room = await chat.make_room(ada, "den", "private")
    for kind, fields in (
        (Send, {"text": "x"}),
        (Join, {}),
        (History, {}),
        (ListMembers, {}),
        (ListBans, {}),
        (ListPins, {}),
        (MarkRead, {"seq": 1}),
        (Typing, {"on": True}),
        (Invite, {"user": "eve"}),
        (Kick, {"user": "ada"}),
    ):
        real = refused(await chat.ask(eve, kind, room=room, **fields))
        none = refused(await chat.ask(eve, kind, room="A" * 22, **fields))
        assert (real.code, real.hint) == (none.code, none.hint)
        assert real.code is ErrorCode.NOT_FOUND


async def test_only_members_get_history_page_by_page(chat: World):
    """A member reads up and down; a stranger reads nothing, a public room's neither."""
    ada, eve = await chat.connect("ada"), await chat.connect("eve")
    room = await chat.make_room(ada, "lounge")
    for n in range(5):
        await chat.ask(ada, Send, room=room, text=f"{n}")
    newest = await chat.ask(ada, History, room=room, limit=2)
    assert isinstance(newest, Ok)
    assert isinstance(newest.result, Page)
    assert [event.seq for event in newest.result.events] == [5, 6]
    assert newest.result.more
    assert refused(await chat.ask(eve, History, room=room)).code is ErrorCode.NOT_FOUND


async def test_members_are_listed_with_role_status_and_mute(chat: World):
    """Who is here is answered for any room, however large."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await chat.ask(ada, Mute, room=room, user="bob")
    chat.chat.closed(bob)
    answer = await chat.ask(ada, ListMembers, room=room)
    assert isinstance(answer, Ok)
    assert isinstance(answer.result, Members)
    rows = [(m.user, m.role, m.status, m.muted) for m in answer.result.members]
    assert rows == [("ada", "owner", Status.ONLINE, False), ("bob", "member", Status.OFFLINE, True)]


async def test_bans_are_listed_to_those_who_may_lift_them(chat: World):
    """Moderators and owners of that room, for as long as they are: no member, no moderator of another."""
    ada, bob, eve = await chat.connect("ada"), await chat.connect("bob"), await chat.connect("eve")
    room, other = await chat.make_room(ada, "lounge"), await chat.make_room(bob, "den")
    await chat.ask(bob, Join, room=room)
    await chat.ask(ada, Join, room=other)
    await chat.ask(ada, Ban, room=room, user="eve", seconds=60, reason="noise")
    listed = await chat.ask(ada, ListBans, room=room)
    assert isinstance(listed, Ok)
    assert isinstance(listed.result, Bans)
    (ban,) = listed.result.bans
    assert (ban.user, ban.by, ban.reason, (ban.until or 0) - ban.at) == ("eve", "ada", "noise", 60_000)
    member = refused(await chat.ask(bob, ListBans, room=room))
    assert (member.code, member.hint) == (
        ErrorCode.FORBIDDEN, "only moderators and owners can do this here",
    )  # fmt: skip
    assert refused(await chat.ask(ada, ListBans, room=other)).code is ErrorCode.FORBIDDEN
    assert refused(await chat.ask(eve, ListBans, room=room)).code is ErrorCode.NOT_FOUND
    await chat.ask(ada, SetRole, room=room, user="bob", role="moderator")
    assert isinstance(await chat.ask(bob, ListBans, room=room), Ok)
    await chat.ask(ada, SetRole, room=room, user="bob", role="member")
    assert refused(await chat.ask(bob, ListBans, room=room)).code is ErrorCode.FORBIDDEN


async def test_a_direct_room_has_no_bans(chat: World):
    """Refused in words, though both are its owners."""
    ada = await chat.connect("ada")
    await chat.connect("bob")
    room = entered(await chat.ask(ada, OpenDirect, user="bob")).room
    answer = refused(await chat.ask(ada, ListBans, room=room))
    assert (answer.code, answer.hint) == (ErrorCode.FORBIDDEN, "this cannot be done in a direct room")


async def test_the_directory_lists_public_rooms_only(chat: World):
    """A private room's name is not revealed."""
    ada, eve = await chat.connect("ada"), await chat.connect("eve")
    await chat.make_room(ada, "lounge")
    await chat.make_room(ada, "den", "private")
    answer = await chat.ask(eve, ListRooms)
    assert isinstance(answer, Ok)
    assert isinstance(answer.result, Directory)
    assert [listing.name for listing in answer.result.rooms] == ["lounge"]


async def test_a_read_marker_reaches_only_the_users_other_devices(chat: World):
    """Not back to the sender, and to no one else."""
    ada, other, bob = await chat.connect("ada"), await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    answer = await chat.ask(ada, MarkRead, room=room, seq=1)
    assert isinstance(answer, Ok)
    assert other.got(ReadMarked) == [ReadMarked(room=room, seq=Seq(1))]
    assert not ada.got(ReadMarked)
    assert not bob.got(ReadMarked)
    assert refused(await chat.ask(ada, MarkRead, room=room, seq=99)).code is ErrorCode.NOT_FOUND


async def test_typing_is_sent_to_the_others_and_never_stored(chat: World):
    """Not to the connection that it came from."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    head = chat.store.head(room)
    await chat.ask(ada, Typing, room=room, on=True)
    assert bob.got(TypingUpdate) == [TypingUpdate(room=room, user=ada.info.grant.user, on=True)]
    assert not ada.got(TypingUpdate)
    assert chat.store.head(room) == head


async def test_typing_too_often_is_dropped_without_a_word(chat: World):
    """R1: a fleeting thing is not worth an error, and not worth telling a hundred times."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    for n in range(50):
        assert isinstance(await chat.ask(ada, Typing, room=room, on=n % 2 == 0), Ok)
    assert len(bob.got(TypingUpdate)) == 10


async def test_the_muted_may_neither_send_nor_show_that_they_type(chat: World):
    """A timed mute ends by itself."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await chat.ask(ada, Mute, room=room, user="bob", seconds=60)
    assert refused(await chat.ask(bob, Typing, room=room, on=True)).code is ErrorCode.MUTED
    muted = refused(await chat.ask(bob, Send, room=room, text="x"))
    assert (muted.code, muted.retry_after) == (ErrorCode.MUTED, 60_000)
    chat.clock.seconds += 60
    stored(await chat.ask(bob, Send, room=room, text="x"))


async def test_moderation_and_refused_rights_are_audited(chat: World):
    """M7: who did what to whom, and who tried; never a text."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await chat.ask(ada, SetRole, room=room, user="bob", role="moderator")
    await chat.ask(ada, Mute, room=room, user="bob")
    await chat.ask(bob, Kick, room=room, user="ada", reason="canary")
    await chat.ask(bob, Edit, room=room, target=1, text="canary")
    kinds = [fields["what"] for fields in chat.audit.of(ChatAuditEvent.MODERATION)]
    assert kinds == [RoleSet.__name__.lower(), Muted.__name__.lower()]
    tried = chat.audit.of(AuditEvent.REQUEST_REFUSED)
    assert [(line["request"], line["user"]) for line in tried] == [("kick", "bob"), ("edit", "bob")]
    assert "canary" not in str(chat.audit.lines)


async def test_what_was_stored_is_answered_though_nothing_can_be_read(
    disk: DiskWorld, monkeypatch: pytest.MonkeyPatch
):
    """No one is told that nothing was stored because the read after it failed: there is none."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    closed = entered(await disk.ask(ada, CreateRoom, name="den", kind="private")).room
    stored(await disk.ask(ada, Invite, room=closed, user="bob"))
    direct = entered(await disk.ask(ada, OpenDirect, user="bob")).room

    async def fails(*_: object, **__: object) -> None:
        raise UnavailableError("no read works")

    monkeypatch.setattr(disk.disk.readers, "run", fails)
    monkeypatch.setattr(disk.disk.readers, "row", fails)
    public = entered(await disk.ask(ada, CreateRoom, name="lounge", kind="public")).room
    assert entered(await disk.ask(bob, Join, room=public)).members == 2
    assert entered(await disk.ask(bob, Accept, room=closed)).role is Role.MEMBER
    assert not entered(await disk.ask(bob, Accept, room=direct)).request
    for room in (public, closed, direct):
        stored(await disk.ask(ada, Send, room=room, text="welcome"))
        await bob.until(lambda room=room: bob.texts(room) == ["welcome"])


async def test_who_is_removed_as_they_join_hears_both(chat: World):
    """That they are in, and then that they are not: the request was done."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    join = chat.push(bob, Join, room=room)
    for _ in range(30):
        if chat.store.member_count(room) == 2:
            break
        await asyncio.sleep(0)
    chat.push(ada, Kick, room=room, user="bob")  # it is stored before the join is answered
    await settle()
    assert entered(chat.answer(bob, join)).room == room
    assert [type(frame) for frame in bob.frames[1:]] == [Ok, RoomClosed]
    bob.frames.clear()
    assert refused(await chat.ask(bob, Join, id=join, room=room)).code is ErrorCode.NOT_FOUND


async def test_what_is_stored_is_published_though_no_one_waits_for_it(disk: DiskWorld):
    """A request that was given up while it waited for the disk, and was stored all the same."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    room = entered(await disk.ask(ada, CreateRoom, name="lounge", kind="public")).room
    entered(await disk.ask(bob, Join, room=room))
    topic = asyncio.ensure_future(disk.commit(ada, room, TopicSet(topic=TopicText("tea"))))
    await asyncio.sleep(0)
    topic.cancel()
    await bob.until(lambda: any(isinstance(event.body, TopicSet) for event in bob.got(LogEvent)))
    assert topic.cancelled()


async def test_a_stranger_costs_the_store_nothing(chat: World):
    """Refused before anything is read."""
    ada, eve = await chat.connect("ada"), await chat.connect("eve")
    room = await chat.make_room(ada, "lounge")
    chat.store.reads.clear()
    for kind, fields in (
        (History, {}), (ListMembers, {}), (ListBans, {}), (ListPins, {}), (Typing, {"on": True}),
    ):  # fmt: skip
        refused(await chat.ask(eve, kind, room=room, **fields))
    assert chat.store.reads == []


async def test_moderation_repeated_is_recorded_once(chat: World):
    """M6: a request sent twice is handled, delivered and audited once."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    request = new_request_id()
    for _ in range(2):
        ada.frames.clear()
        stored(await chat.ask(ada, Mute, id=request, room=room, user="bob"))
    assert len(chat.audit.of(ChatAuditEvent.MODERATION)) == 1


async def test_a_message_of_an_ended_session_is_not_acknowledged(disk: DiskWorld):
    """S1: it ended in the database, and nothing here knows of it yet. The end says why, not the answer."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    room = entered(await disk.ask(ada, CreateRoom, name="lounge", kind="public")).room
    entered(await disk.ask(bob, Join, room=room))
    session = ada.info.grant.session
    await disk.disk.sessions.end(ByOperator(ada.info.grant.user), session)
    request = disk.push(ada, Send, room=room, text="too late")
    stored(await disk.ask(bob, Send, room=room, text="in time"))
    await bob.until(lambda: bob.texts(room))
    assert bob.texts(room) == ["in time"]
    assert [frame for frame in ada.frames if isinstance(frame, Ok | Error) and frame.re == request] == []
    disk.chat.end_sessions([session])
    assert ada.ended is SESSION_ENDED


@pytest.mark.parametrize("what", ["create", "direct", "accept", "decline", "block", "read", "report"])
async def test_nothing_of_an_ended_session_changes_its_account(disk: DiskWorld, what: str):
    """P31: it ended in the database, and nothing here knows of it yet. As for a message, no answer."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    room = entered(await disk.ask(ada, CreateRoom, name="lounge", kind="public")).room
    entered(await disk.ask(bob, Join, room=room))
    direct = entered(await disk.ask(bob, OpenDirect, user="ada")).room
    private = entered(await disk.ask(bob, CreateRoom, name="den", kind="private")).room
    stored(await disk.ask(bob, Invite, room=private, user="ada"))
    seq = stored(await disk.ask(bob, Send, room=room, text="hello")).seq
    session = ada.info.grant.session
    await disk.disk.sessions.end(ByOperator(ada.info.grant.user), session)
    tables = ("logs", "rooms", "members", "blocks", "reports", "invitations")

    async def everything() -> list[Sequence[object]]:
        return [
            await disk.disk.readers.rows(lambda *row: row, f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608
            for table in tables
        ]

    before = await everything()
    kind, fields = {
        "create": (CreateRoom, {"name": "late", "kind": "public"}),
        "direct": (OpenDirect, {"user": "bob"}),
        "accept": (Accept, {"room": direct}),
        "decline": (Decline, {"room": private}),
        "block": (Block, {"user": "bob", "on": True}),
        "read": (MarkRead, {"room": room, "seq": seq}),
        "report": (Report, {"room": room, "target": seq, "reason": "spam", "quote": "hello"}),
    }[what]
    request = disk.push(ada, kind, **fields)
    for number in range(5):  # what a coroutine handles begins after the first of them
        stored(await disk.ask(bob, Send, room=private, text=f"after it {number}"))
    after = await everything()
    moved = [name for name, old, new in zip(tables, before, after, strict=True) if old != new]
    assert moved == ["logs"]  # the head of bob's room, by his message
    assert len(before[0]) == len(after[0])
    assert [frame for frame in ada.frames if isinstance(frame, Ok | Error) and frame.re == request] == []
