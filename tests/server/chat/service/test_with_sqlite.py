"""The chat over the real store: what a disk and threads add to it changes nothing."""

import asyncio

from tests.server.chat.service.disk import DiskWorld
from tests.server.chat.service.fakes import refused, stored

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Kicked, Message, Renamed, RoleSet, RoomDeleted
from parlour_protocol.frames.replies import Error, Hello, LogEvent, Ok, RoomClosed, RoomEntered
from parlour_protocol.frames.requests import (
    CreateRoom,
    Delete,
    DeleteRoom,
    History,
    Join,
    Kick,
    Leave,
    OpenDirect,
    Rename,
    Send,
)
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.rooms import Role


async def test_many_messages_at_once_are_stored_acknowledged_and_delivered_in_order(disk: DiskWorld):
    """Two people write a hundred lines each; both read two hundred in the log's order."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    room = await disk.make_room(ada, "lounge")
    await disk.ask(bob, Join, room=room)
    sent = []
    for n in range(50):
        sent += [(peer, disk.push(peer, Send, room=room, text=f"{n}")) for peer in (ada, bob)]
        if n % 10 == 0:
            await asyncio.sleep(0)
    numbers = [stored(await disk.done(peer, request)).seq for peer, request in sent]
    assert sorted(numbers) == list(range(3, 103))
    for peer in (ada, bob):
        await peer.until(lambda peer=peer: len(peer.texts(room)) == 100)
        assert [event.seq for event in peer.events(room)][-100:] == list(range(3, 103))
        message_sent = [(e.author, e.body.text) for e in peer.events(room) if isinstance(e.body, Message)]
        for name in ("ada", "bob"):
            assert [text for author, text in message_sent if author == name] == [f"{n}" for n in range(50)]


async def test_a_repeated_send_is_one_message(disk: DiskWorld):
    """M6, on disk."""
    ada = await disk.connect("ada")
    room = await disk.make_room(ada, "lounge")
    request = new_request_id()
    first = stored(await disk.ask(ada, Send, id=request, room=room, text="once"))
    again = await disk.connect("ada")
    assert stored(await disk.ask(again, Send, id=request, room=room, text="once")) == first
    page = await disk.ask(again, History, room=room)
    assert isinstance(page, Ok)
    assert len(getattr(page.result, "events", ())) == 2


async def test_a_kicked_member_receives_nothing_more(disk: DiskWorld):
    """S4, on disk: the kick and the message after it are in one commit."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    room = await disk.make_room(ada, "lounge")
    await disk.ask(bob, Join, room=room)
    disk.push(ada, Kick, room=room, user="bob")
    await disk.done(ada, disk.push(ada, Send, room=room, text="about bob"))
    await bob.until(lambda: bob.got(RoomClosed))
    assert isinstance(bob.events(room)[-1].body, Kicked)
    assert isinstance(await disk.ask(bob, History, room=room), Error)
    await ada.until(lambda: ada.texts(room))
    assert bob.texts(room) == []


async def test_the_next_owner_of_a_room_is_announced_to_its_members(disk: DiskWorld):
    """The last owner leaves; the oldest member becomes owner, and is notified."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    room = await disk.make_room(ada, "lounge")
    await disk.ask(bob, Join, room=room)
    await disk.ask(ada, Leave, room=room)
    await bob.until(lambda: isinstance(bob.got(LogEvent)[-1].body, RoleSet))
    assert bob.got(LogEvent)[-1].body == RoleSet(who=bob.info.grant.user, role=Role.OWNER)
    assert ada.frames[-1] == RoomClosed(room=room)


async def test_a_direct_room_reaches_the_other_person(disk: DiskWorld):
    """Both are in it from the first event on."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    answer = await disk.ask(ada, OpenDirect, user="bob")
    assert isinstance(answer, Ok)
    await bob.until(lambda: bob.got(RoomEntered))
    room = bob.got(RoomEntered)[0].room
    assert room.peer == "ada"
    await disk.ask(bob, Send, room=room.room, text="hi")
    await ada.until(lambda: ada.texts(room.room))
    assert not ada.got(RoomEntered)


async def test_a_deleted_message_is_gone_from_history(disk: DiskWorld):
    """The rights ask for a message that is still there, the second time there is none."""
    ada = await disk.connect("ada")
    room = await disk.make_room(ada, "lounge")
    seq = stored(await disk.ask(ada, Send, room=room, text="canary")).seq
    stored(await disk.ask(ada, Delete, room=room, target=seq))
    assert isinstance(await disk.ask(ada, Delete, room=room, target=seq), Error)
    page = await disk.ask(ada, History, room=room)
    assert "canary" not in repr(page)


async def test_the_name_of_the_lobby_is_the_operators(disk: DiskWorld) -> None:
    """Also while there is none: newcomers would join this person's room. A private room can have the name."""
    ada = await disk.connect("ada")
    for request, more in (
        (CreateRoom, {"kind": "public"}),
        (Rename, {"room": await disk.make_room(ada, "lounge")}),
    ):
        assert refused(await disk.ask(ada, request, name="lobby", **more)).code is ErrorCode.NAME_TAKEN
    await disk.make_room(ada, "lobby", "private")


async def test_a_deleted_room_is_closed_for_everyone_after_its_last_event(disk: DiskWorld) -> None:
    """They get the event that says who deleted it, then nothing more of it; new connections don't have it."""
    ada = await disk.connect("ada")
    room = await disk.make_room(ada, "lounge")
    bob = await disk.connect("bob")
    assert isinstance(await disk.ask(bob, Join, room=room), Ok)
    stored(await disk.ask(ada, Rename, room=room, name="attic"))
    await bob.until(lambda: any(isinstance(event.body, Renamed) for event in bob.got(LogEvent)))
    bob.frames.clear()
    stored(await disk.ask(ada, DeleteRoom, room=room))
    await bob.until(lambda: bool(bob.got(RoomClosed)))
    assert [type(frame) for frame in bob.frames] == [LogEvent, RoomClosed]
    assert isinstance(bob.got(LogEvent)[0].body, RoomDeleted)
    assert refused(await disk.ask(bob, Send, room=room, text="hello?")).code is ErrorCode.NOT_FOUND
    again = await disk.connect("ada")
    assert room not in {one.room for one in again.got(Hello)[0].rooms}
