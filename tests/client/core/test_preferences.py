"""What the person sets for rooms on this device."""

from tests.client.core.core_fake import LOBBY, Desk, FakeServer

from parlour_client.core.archive.saved_preferences import Layout
from parlour_protocol.ids import RoomId


async def test_choices_of_rooms_last_and_no_server_hears_of_them(desk: Desk, server: FakeServer) -> None:
    """Favourite, muted, starred and open come back after a restart; not one request was made for them."""
    said = server.say("keep this")
    client = await desk.open()
    asked = len(server.requests)
    await client.preferences.favourite(LOBBY)
    await client.preferences.mute(LOBBY)
    await client.messages.star(LOBBY, said.seq)
    await client.preferences.remember_open(LOBBY)
    assert len(server.requests) == asked
    await client.stop()
    again = await desk.open()
    room = again.rooms.get(LOBBY)
    assert room is not None
    assert (room.favourite, room.muted) == (True, True)
    assert room.activity == said.at
    assert again.preferences.last_room == LOBBY
    assert [entry.starred for entry in await again.history.timeline(LOBBY) if entry.text] == [True]


async def test_recent_rooms_and_the_layout_last(desk: Desk, server: FakeServer) -> None:
    """They are there after a restart, the room opened last first, and no server hears of them."""
    client = await desk.open()
    asked = len(server.requests)
    other = RoomId("o" * 22)
    for room in (LOBBY, other, LOBBY):
        await client.preferences.remember_open(room)
    layout = Layout(beside=other, people=False, rooms_width=30)
    await client.preferences.save_layout(layout)
    assert len(server.requests) == asked
    await client.stop()
    again = await desk.open()
    assert again.preferences.recent_rooms == (LOBBY, other)
    assert again.preferences.layout == layout
