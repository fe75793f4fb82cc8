"""Pins of open rooms."""

import pytest
from tests.server.chat.store.world import World, message

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Deleted, Pinned
from parlour_protocol.kit.ids import Seq
from parlour_protocol.limits import PINS_PER_ROOM
from parlour_server.chat.rooms.rights import decide
from parlour_server.core.errors import RefusedError


async def test_a_message_is_pinned_once_and_taken_off(world: World) -> None:
    """By a moderator or owner; a deleted message is pinned no more."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    sent = (await world.append(room, bob, message())).entry.seq

    async def pin(user: str, *, on: bool) -> str | None:
        author = alice if user == "alice" else bob
        try:
            await world.store.log.append(world.event(room, author, Pinned(target=sent, on=on)), decide)
        except RefusedError as error:
            return error.code
        return None

    assert await pin("bob", on=True) is ErrorCode.FORBIDDEN
    assert [await pin("alice", on=True) for _ in range(2)] == [None, ErrorCode.ALREADY]
    assert [await pin("alice", on=False) for _ in range(2)] == [None, ErrorCode.ALREADY]
    assert await pin("alice", on=True) is None
    assert await world.store.rooms.pins(room) == [sent]
    assert (await world.facts(room, alice, Pinned(target=sent, on=False))).pins == 1
    await world.append(room, alice, Pinned(target=sent, on=True))
    await world.append(room, bob, Deleted(target=sent))
    assert await pin("alice", on=False) is ErrorCode.MESSAGE_GONE
    assert await world.store.rooms.pins(room) == []
    assert (await world.facts(room, alice, Pinned(target=sent, on=True))).pins == 0


async def test_a_room_has_so_many_pins(world: World) -> None:
    """One past the limit is refused until another goes."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    for _ in range(PINS_PER_ROOM.value + 1):
        await world.append(room, alice, message())
    for number in range(PINS_PER_ROOM.value):
        await world.store.log.append(
            world.event(room, alice, Pinned(target=Seq(2 + number), on=True)), decide
        )
    last = Pinned(target=Seq(2 + PINS_PER_ROOM.value), on=True)
    with pytest.raises(RefusedError) as refused:
        await world.store.log.append(world.event(room, alice, last), decide)
    assert refused.value.code is ErrorCode.LIMIT_REACHED
    await world.store.log.append(world.event(room, alice, Pinned(target=Seq(2), on=False)), decide)
    await world.store.log.append(world.event(room, alice, last), decide)
