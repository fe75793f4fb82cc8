"""What the server pushes, handed on."""

import pytest
from tests.client.core.core_fake import BOB, GARDEN, LOBBY, Desk, FakeServer, heard

from parlour_client.core.client import Client
from parlour_client.core.events import (
    Change,
    CountsChanged,
    EntryAdded,
    RoomDeletion,
    RoomsChanged,
    TypingChanged,
)
from parlour_client.kit.errors import SetupError
from parlour_protocol.frames import TopicText
from parlour_protocol.frames.bodies import Archived, Joined, Message, Renamed, RoomDeleted, TopicSet
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import RoomClosed, RoomEntered, TypingUpdate
from parlour_protocol.room_name import parse_room_name


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


async def test_messages_are_told_apart_from_what_changes_a_room(desk: Desk, server: FakeServer) -> None:
    """A view need not look at everything again for each message, nor for each that was read."""
    client = await desk.open()
    told = await heard_until_read(client, server)
    assert [change for change in told if isinstance(change, RoomsChanged | CountsChanged)] == [
        CountsChanged(LOBBY),
        CountsChanged(LOBBY),
        RoomsChanged(),
    ]


async def test_who_sends_a_message_is_not_typing_it_any_more(desk: Desk, server: FakeServer) -> None:
    """At once, not when their typing would end by itself; someone else's message ends nothing."""
    client = await desk.open()
    typing = TypingUpdate(room=LOBBY, user=BOB, on=True)
    on = await heard(client, lambda c: isinstance(c, TypingChanged), lambda: server.wires[0].say(typing))
    assert on == TypingChanged(LOBBY, (BOB,))
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say("by another", author="carla"))
    off = await heard(client, lambda c: isinstance(c, TypingChanged), lambda: server.say("done"))
    assert off == TypingChanged(LOBBY, ())


async def heard_until_read(client: Client, server: FakeServer) -> list[Change]:
    """Return the changes of a message, of its reading, and of a topic."""
    told: list[Change] = []
    client.events.subscribe(told.append)
    message = Message(MessageText("hello"))
    await heard(client, lambda c: isinstance(c, CountsChanged), lambda: server.append(LOBBY, message))
    room = client.rooms.get(LOBBY)
    assert room is not None
    await client.messages.mark_read(LOBBY, room.head)
    topic = TopicSet(topic=TopicText.parse("bees"))
    await heard(client, lambda c: isinstance(c, RoomsChanged), lambda: server.append(LOBBY, topic))
    return told


async def test_a_room_is_renamed_archived_and_deleted(desk: Desk, server: FakeServer) -> None:
    """The list follows; nothing can be queued in an archived room; who deleted a room is said."""
    client = await desk.open()
    server.append(LOBBY, Renamed(parse_room_name("hall")))
    await heard(
        client, lambda c: isinstance(c, RoomsChanged), lambda: server.append(LOBBY, Archived(on=True))
    )
    lobby = client.rooms.get(LOBBY)
    assert lobby is not None
    assert (lobby.title, lobby.archived) == ("hall", True)
    with pytest.raises(SetupError, match="archived"):
        await client.messages.send(LOBBY, "anybody here?")
    server.append(LOBBY, RoomDeleted())
    gone = await heard(
        client, lambda c: isinstance(c, RoomDeletion), lambda: server.wires[0].say(RoomClosed(room=LOBBY))
    )
    assert gone == RoomDeletion(LOBBY, "hall", BOB)
    assert client.rooms.get(LOBBY) is None


async def test_only_a_known_room_can_be_deleted(desk: Desk, server: FakeServer) -> None:
    """Others are not remembered, so that a server can't fill the memory with them."""
    client = await desk.open()
    server.add_room(GARDEN, "garden")
    server.append(GARDEN, RoomDeleted())
    entered = RoomEntered(room=server.summary(GARDEN))
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.wires[0].say(entered))
    closed = RoomClosed(room=GARDEN)
    change = await heard(
        client, lambda c: isinstance(c, RoomDeletion | RoomsChanged), lambda: server.wires[0].say(closed)
    )
    assert isinstance(change, RoomsChanged), "it was removed from the room, as far as it knows"
