"""Pins of an encrypted room: inside of sealed messages, by role as the members see it."""

import pytest
from tests.client.core.e2ee.flat import Flat
from tests.client.core.e2ee.identity_world import ANA, BEN

from parlour_client.core.client import Client
from parlour_client.core.errors import SetupError
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.frames.bodies import Pinned, SealedMessage
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.names import parse_room_name


async def pinned(client: Client, room: RoomId) -> list[tuple[Seq | None, str | None]]:
    """Return what is pinned."""
    return [(entry.seq, entry.text) for entry in await client.pins(room)]


async def test_pins_of_an_encrypted_room_are_sealed(flat: Flat) -> None:
    """The server sees one more sealed message and no pin; both sides see what is pinned, also without it."""
    ana, ben = await flat.open(ANA), await flat.open(BEN)
    room = (await ana.create_room(parse_room_name("garden"), RoomKind.PRIVATE, encrypted=True)).id
    await ana.invite(room, BEN)
    await flat.quiet()
    sent = await ana.send(room, "CANARY rules")
    assert sent.request is not None
    seq = await ana.stored(sent.request)
    await flat.quiet()
    for on, found in ((True, [(seq, "CANARY rules")]), (False, [])):
        await ana.stored(await ana.pin(room, seq, on=on))
        await flat.until(lambda: flat.head(ben, room) == flat.house.rooms[room].head == flat.head(ana, room))
        await flat.quiet()
        assert await pinned(ana, room) == found == await pinned(ben, room)
    log = flat.house.rooms[room].log
    assert sum(isinstance(event.body, SealedMessage) for event in log) == 3
    assert not any(isinstance(event.body, Pinned) for event in log)
    with pytest.raises(SetupError, match="Only moderators"):
        await ben.pin(room, seq)
