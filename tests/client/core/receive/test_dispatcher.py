"""What the server pushes, handed on."""

import pytest
from tests.client.core.core_fake import GARDEN, Desk, FakeServer, heard

from parlour_client.core.events import EntryAdded, RoomsChanged
from parlour_client.kit.errors import SetupError
from parlour_protocol.frames import TopicText
from parlour_protocol.frames.bodies import Joined, TopicSet
from parlour_protocol.frames.replies import RoomClosed, RoomEntered


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
