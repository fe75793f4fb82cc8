"""Other people, and whom this device ignores."""

import pytest
from tests.client.core.core_fake import ALICE, BOB, LOBBY, Desk, FakeServer, heard

from parlour_client.core.client import Client
from parlour_client.kit.errors import SetupError
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


async def texts(client: Client, words: str, room: RoomId | None = None) -> list[str | None]:
    """Search and return the texts."""
    return [entry.text for entry in await client.history.search(words, room=room)]


async def test_someone_ignored_counts_for_nothing(desk: Desk, server: FakeServer) -> None:
    """No unread message, no mention, no search result, live or counted again; it lasts over a restart."""
    client = await desk.open()
    await client.messages.mark_read(LOBBY, Seq(1))
    await client.people.ignore(BOB)
    await heard(client, lambda _: True, lambda: server.say("buy this @alice"))
    await client.connection.ready()
    await heard(client, lambda _: True, lambda: server.say("hello", author="carol"))
    await client.connection.ready()
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert (room.unread, room.mentions) == (1, 0)
    assert await texts(client, "is:unread") == ["hello"]
    assert await texts(client, "from:bobby") == ["buy this @alice"]
    assert await client.people.known() >= {BOB, "carol"}
    await client.stop()
    again = await desk.open()
    assert again.people.ignored == {BOB}
    room = again.rooms.get(LOBBY)
    assert room is not None
    assert room.unread == 1
    await again.people.ignore(BOB, on=False)
    room = again.rooms.get(LOBBY)
    assert room is not None
    assert (room.unread, room.mentions) == (2, 1)
    with pytest.raises(SetupError, match="yourself"):
        await again.people.ignore(ALICE)


async def test_what_is_known_of_a_person(desk: Desk, server: FakeServer) -> None:
    """How much of theirs is here and the newest of it."""
    server.say("first")
    server.say("second")
    server.say("other", author="carol")
    client = await desk.open()
    person = await client.people.profile(BOB)
    assert person.messages == 2
    assert person.last is not None
    assert person.last.text == "second"
    assert not person.ignored
