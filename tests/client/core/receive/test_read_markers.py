"""Read markers: counted from, and told to the server."""

from tests.client.core.core_fake import LOBBY, Desk, FakeServer, heard

from parlour_client.core.events import CountsChanged, EntryAdded
from parlour_protocol.frames.replies import ReadMarked
from parlour_protocol.frames.requests import MarkRead
from parlour_protocol.kit.ids import Seq


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
    await heard(client, lambda c: c == CountsChanged(LOBBY), lambda: server.wires[0].say(marked))
    assert client.rooms.all[0].unread == 0


async def test_a_marker_set_offline_is_reported_later(desk: Desk, server: FakeServer) -> None:
    """What was read without a connection is read for the other devices too, afterwards."""
    client = await desk.open()
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say("news"))
    await desk.lose(client)
    await client.messages.mark_read(LOBBY, Seq(2))
    await desk.regain(client)
    assert [request.seq for request in server.requests if isinstance(request, MarkRead)] == [2]
    assert client.rooms.all[0].unread == 0
