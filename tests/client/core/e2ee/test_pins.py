"""Pins of an encrypted room: inside of encrypted messages, by role as the members see it."""

import pytest
from tests.client.core.client_parts import parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN
from tests.client.core.e2ee.lying_server import noted

from parlour_client.core.client import Client
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import NoteKind
from parlour_client.kit.errors import SetupError
from parlour_protocol.frames.bodies import EncryptedMessage, Handshake, Pinned
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


async def pinned(client: Client, room: RoomId) -> list[tuple[Seq | None, str | None]]:
    """Return what is pinned."""
    return [(entry.seq, entry.text) for entry in await client.history.pins(room)]


async def test_pins_of_an_encrypted_room_are_encrypted(harness: Harness) -> None:
    """The server sees one more sealed message and no pin; both sides see what is pinned, also without it."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(parse_room_name("garden"), RoomKind.PRIVATE, encrypted=True)).id
    await harness.invite(ana, room, BEN)
    await harness.quiet()
    sent = await ana.messages.send(room, "CANARY rules")
    assert sent.request is not None
    seq = await ana.messages.stored(sent.request)
    await harness.quiet()
    for on, found in ((True, [(seq, "CANARY rules")]), (False, [])):
        await ana.messages.stored(await ana.messages.pin(room, seq, on=on))
        await harness.until(
            lambda: harness.head(ben, room) == harness.server.rooms[room].head == harness.head(ana, room)
        )
        await harness.quiet()
        assert await pinned(ana, room) == found == await pinned(ben, room)
    log = harness.server.rooms[room].log
    assert sum(isinstance(event.body, EncryptedMessage) for event in log) == 3
    assert not any(isinstance(event.body, Pinned) for event in log)
    with pytest.raises(SetupError, match="Only moderators"):
        await ben.messages.pin(room, seq)


async def encrypted_later(harness: Harness) -> tuple[Client, Client, RoomId, Seq]:
    """Return two people in a room that became encrypted after something was said and pinned in it."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(parse_room_name("garden"), RoomKind.PRIVATE)).id
    await harness.invite(ana, room, BEN)
    sent = await ana.messages.send(room, "old rules")
    assert sent.request is not None
    seq = await ana.messages.stored(sent.request)
    await ana.messages.stored(await ana.messages.pin(room, seq, on=True))
    await ana.encryption.turn_on(room, [BEN])
    await harness.quiet()
    return ana, ben, room, seq


async def test_a_pin_from_before_encryption_can_be_taken_off(harness: Harness) -> None:
    """It was readable, and stays for everyone until someone unpins it; nothing readable is sent."""
    ana, ben, room, seq = await encrypted_later(harness)
    for client in (ana, ben):
        assert await pinned(client, room) == [(seq, "old rules")]
    await ana.messages.stored(await ana.messages.pin(room, seq, on=False))
    await harness.quiet()
    for client in (ana, ben):
        assert await pinned(client, room) == []
    request = await ana.messages.pin(room, seq, on=True)
    with pytest.raises(EncryptionError, match="sent before the room was encrypted"):
        await ana.messages.stored(request)
    assert isinstance(harness.server.rooms[room].log[-1].body, Pinned | Handshake)
    assert sum(isinstance(event.body, Pinned) for event in harness.server.rooms[room].log) == 2


@pytest.mark.parametrize("on", [True, False])
async def test_a_server_pins_nothing_and_takes_no_encrypted_pin_off(harness: Harness, *, on: bool) -> None:
    """Only what takes off a pin from before is let pass; the rest is reported as what the server can read."""
    ana, _, room, seq = await encrypted_later(harness)
    sent = await ana.messages.send(room, "sealed rules")
    assert sent.request is not None
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    sealed = await ana.messages.stored(sent.request)
    await ana.messages.stored(await ana.messages.pin(room, sealed, on=True))
    await harness.quiet()
    before = await pinned(ana, room)
    target = seq if on else sealed
    event = harness.server.write(harness.server.rooms[room], BEN, Pinned(target=target, on=on))
    await harness.until(lambda: harness.head(ana, room) >= event.seq)
    assert await pinned(ana, room) == before
    assert await noted(ana, room, NoteKind.PLAINTEXT_REFUSED)
