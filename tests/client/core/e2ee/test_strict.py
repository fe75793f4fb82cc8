"""A room that a person keeps to verified people: nothing leaves for it while someone there is not."""

import pytest
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.lying_server import held
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.client import Client
from parlour_client.core.e2ee.values import RoomState
from parlour_client.kit.errors import SetupError
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


async def verify(client: Client, user: UserName) -> None:
    """Compare the number, as people do."""
    number = (await client.encryption.person(user)).safety_number
    await client.encryption.confirm(user, number)


async def test_nothing_is_sent_until_everyone_is_verified(harness: Harness) -> None:
    """It waits with its reason, goes by itself afterwards, and waits again when someone else comes."""
    ana, ben, room = await pair(harness)
    await say(harness, ana, room, "before")
    await ana.preferences.strict(room)
    assert ana.encryption.room(room).state is RoomState.BLOCKED
    assert f"Not verified: {BEN}." in await held(harness, ana, room, "for ben alone")
    assert await texts(ben, room) == ["before"]
    await verify(ana, BEN)
    await harness.until_true(lambda: texts(ben, room), ["before", "for ben alone"])
    assert ana.encryption.room(room).state is RoomState.ACTIVE
    eve = await harness.open(EVE)
    await harness.invite(ana, room, EVE)
    await harness.quiet()
    assert f"Not verified: {EVE}." in await held(harness, ana, room, "not for eve")
    assert await texts(eve, room) == []
    await ana.preferences.strict(room, on=False)
    await harness.until_true(lambda: texts(eve, room), ["not for eve"])


async def test_it_is_ones_own_choice_and_lasts(harness: Harness) -> None:
    """The others send as before; a restart changes nothing."""
    ana, ben, room = await pair(harness)
    await ana.preferences.strict(room)
    await say(harness, ben, room, "I may")
    await harness.close(ana)
    again = await harness.open(ANA)
    await harness.quiet()
    assert again.encryption.room(room).state is RoomState.BLOCKED
    assert f"Not verified: {BEN}." in await held(harness, again, room, "still not")


async def test_an_open_room_cannot_be_kept_so(harness: Harness) -> None:
    """Where the server reads along, verified people would promise too much."""
    ana = await harness.open(ANA)
    room = (await ana.rooms.create(parse_room_name("meadow"), RoomKind.PUBLIC)).id
    with pytest.raises(SetupError, match="not end-to-end encrypted"):
        await ana.preferences.strict(room)
