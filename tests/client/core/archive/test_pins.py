"""Pins: what stands where everyone in a room finds it (in encrypted rooms: `e2ee/test_pins.py`)."""

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import LOBBY, Desk, FakeServer, heard

from parlour_client.core.client import Client
from parlour_client.core.events import Change, EntryAdded, EntryChanged
from parlour_client.kit.errors import ServerMisbehavedError, SetupError
from parlour_protocol.frames.bodies import Deleted, Pinned
from parlour_protocol.frames.replies import Pins
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import Role


def moderate(server: FakeServer, role: Role = Role.MODERATOR) -> None:
    """Give the account a role in the lobby."""
    room = server.rooms[LOBBY]
    room.summary = replace(room.summary, role=role)


async def pinned(client: Client, room: RoomId = LOBBY) -> list[tuple[Seq | None, str | None]]:
    """Return what is pinned."""
    return [(entry.seq, entry.text) for entry in await client.history.pins(room)]


async def test_a_pin_is_a_row_and_marks_its_message(desk: Desk, server: FakeServer) -> None:
    """Anyone who looks at the timeline sees who pinned, and at the message that it is pinned."""
    said = server.say("the house rules")
    client = await desk.open()
    told: list[Change] = []
    client.events.subscribe(told.append)
    await heard(
        client,
        lambda c: isinstance(c, EntryAdded),
        lambda: server.append(LOBBY, Pinned(target=said.seq, on=True)),
    )
    changed = [one.entry for one in told if isinstance(one, EntryChanged)]
    assert [(one.seq, one.pinned) for one in changed] == [(said.seq, True)]
    rows = await client.history.timeline(LOBBY)
    assert [(one.seq, one.pinned) for one in rows[-2:]] == [(said.seq, True), (Seq(3), False)]
    assert await pinned(client) == [(said.seq, "the house rules")]
    await desk.lose(client)
    assert await pinned(client) == [(said.seq, "the house rules")]


async def test_what_is_deleted_or_taken_off_is_pinned_no_more(desk: Desk, server: FakeServer) -> None:
    """And the row that says who pinned it stays."""
    moderate(server)
    one, two = server.say("one"), server.say("two")
    client = await desk.open()
    for seq in (one.seq, two.seq):
        await client.messages.stored(await client.messages.pin(LOBBY, seq))
    await client.connection.ready()
    assert await pinned(client) == [(two.seq, "two"), (one.seq, "one")]
    await client.messages.stored(await client.messages.pin(LOBBY, one.seq, on=False))
    await heard(
        client, lambda c: isinstance(c, EntryChanged), lambda: server.append(LOBBY, Deleted(target=two.seq))
    )
    assert await pinned(client) == []
    bodies = [entry.body for entry in await client.history.timeline(LOBBY)]
    assert sum(isinstance(body, Pinned) for body in bodies) == 3


async def test_a_member_pins_nothing(desk: Desk, server: FakeServer) -> None:
    """Said before anything is sent."""
    said = server.say("mine")
    client = await desk.open()
    asked = len(server.requests)
    with pytest.raises(SetupError, match="Only moderators and owners"):
        await client.messages.pin(LOBBY, said.seq)
    assert len(server.requests) == asked


async def test_a_new_member_sees_what_was_pinned_long_ago(desk: Desk, server: FakeServer) -> None:
    """The pin and its message lie far below what was fetched: the server says which, and it is fetched."""
    said = server.say("the house rules", tell=False)
    server.append(LOBBY, Pinned(target=said.seq, on=True), tell=False)
    for number in range(450):
        server.say(f"{number}", tell=False)
    client = await desk.open()
    (entry,) = await client.history.pins(LOBBY)
    assert (entry.seq, entry.text, entry.pinned) == (said.seq, "the house rules", True)


async def test_a_server_that_answers_with_another_rooms_pins_is_refused(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F8: in a sentence."""
    client = await desk.open()
    monkeypatch.setattr(server, "_result", lambda _: Pins(room=RoomId("x" * 22), targets=(Seq(1),)))
    with pytest.raises(ServerMisbehavedError, match="pins"):
        await client.history.pins(LOBBY)
