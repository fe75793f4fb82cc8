"""Rooms that are renamed, archived and deleted: what stays, what goes, and in what order."""

import pytest
from tests.server.chat.store.encryption_world import Delivery, sealed
from tests.server.chat.store.world import World, message

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Archived, Joined, Pinned, Reacted, Renamed, RoomDeleted
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.errors import NameTakenError, RefusedError

LATER = 10_000_000


async def removed(store: ChatStore, now: int) -> int:
    """Remove what is due; returns how many batches it took."""
    batches = 0
    for room in await store.rooms.deleted(Millis(now)):
        while await store.rooms.remove_batch(room):
            batches += 1
    return batches


async def test_a_room_gets_another_name(world: World) -> None:
    """One that no other room has; the old one is free."""
    alice, bob = await world.people(2)
    room, other = await world.room(alice, bob), await world.room(alice)
    names = [one.name for one in await world.store.rooms.for_operator(private=False)]
    await world.append(room, alice, Renamed(parse_room_name("orchard")))
    with pytest.raises(NameTakenError):
        await world.append(other, alice, Renamed(parse_room_name("0rchard")))
    found = await world.store.rooms.summary(room, bob)
    assert found is not None
    assert found.name == "orchard"
    assert await world.store.rooms.find_public(parse_room_name("orchard")) == room
    await world.append(other, alice, Renamed(parse_room_name(str(names[0]))))


async def test_an_archived_room_is_read_only(world: World) -> None:
    """It leaves the directory, and no one enters it; its members keep it and its history."""
    alice, bob, eve = await world.people(3)
    room = await world.room(alice, bob)
    sent = (await world.append(room, bob, message())).entry

    async def refusal(who: UserName, body: AnyBody) -> ErrorCode:
        with pytest.raises(RefusedError) as refused:
            await world.store.log.append(world.event(room, who, body), decide)
        return ErrorCode(refused.value.code)

    await world.store.log.append(world.event(room, alice, Archived(on=True)), decide)
    written: list[AnyBody] = [
        message(),
        Reacted(sent.seq, Reaction("+"), on=True),
        Renamed(parse_room_name("den")),
    ]
    for body in written:
        assert await refusal(alice, body) is ErrorCode.ARCHIVED
    assert await refusal(alice, Archived(on=True)) is ErrorCode.ALREADY
    assert await refusal(bob, Archived(on=False)) is ErrorCode.FORBIDDEN
    assert await refusal(eve, Joined()) is ErrorCode.NOT_FOUND
    assert room not in {one.room for one in (await world.store.rooms.directory(after=None, limit=99))[0]}
    found = await world.store.rooms.summary(room, bob)
    assert found is not None
    assert found.archived
    assert sent in await world.events(room)
    await world.store.log.append(world.event(room, alice, Archived(on=False)), decide)
    await world.store.log.append(world.event(room, bob, message()), decide)


async def test_a_deleted_room_is_gone_at_once_and_its_data_in_batches(
    world: World, administration: ChatStore
) -> None:
    """Its name is free; its last event stays until running servers have seen it."""
    alice, bob = await world.people(2)
    room, kept = await world.room(alice, bob), await world.room(alice)
    described = await world.store.rooms.describe(room)
    assert described is not None
    assert described.name is not None
    sent = (await world.append(room, bob, message("secret words"))).entry
    for _ in range(249):
        await world.append(room, bob, message("secret words"))
    await world.append(room, bob, Reacted(sent.seq, Reaction("+"), on=True))
    await world.append(room, alice, Pinned(sent.seq, on=True))
    with pytest.raises(RefusedError):
        await world.store.log.append(world.event(room, bob, RoomDeleted()), decide)
    request = world.event(room, alice, RoomDeleted())
    last = (await world.store.log.append(request, decide)).entry
    again = await world.store.log.append(request, decide)  # the answer was lost
    assert (again.entry, again.replay) == (last, True)
    for who in (alice, bob):
        assert await world.store.rooms.membership(room, who) is None
        assert room not in {one.room for one in await world.store.rooms.summaries(who)}
        with pytest.raises(RefusedError) as refused:
            await world.store.log.append(world.event(room, who, message()), decide)
        assert refused.value.code == ErrorCode.NOT_FOUND
    assert await administration.rooms.describe(room) is None
    await world.append(kept, alice, Renamed(described.name))
    assert (await world.events(room))[-1] == last
    now = world.clock.now()
    assert await removed(world.store, now) == 0
    assert await removed(world.store, now + LATER) >= 3
    assert await world.events(room) == []
    assert await world.store.rooms.deleted(Millis(now + LATER)) == []
    assert await world.store.log.heads([room]) == {}


async def test_an_encrypted_room_goes_with_its_groups(delivery: Delivery) -> None:
    """And a private one is listed for the operator by its id until then."""
    store = delivery.world.store
    alice = await delivery.person("alice")
    room = await delivery.room(alice[0], kind=RoomKind.PRIVATE)
    group = await delivery.found(room, *alice)
    await delivery.append(room, alice[0], sealed(group, 0), alice[1])
    (listed,) = await store.rooms.for_operator(private=True)
    assert (listed.room, listed.encrypted, listed.members) == (room, True, 1)
    await delivery.world.append(room, alice[0], RoomDeleted())
    assert await store.rooms.for_operator(private=True) == []
    await removed(store, delivery.world.clock.now() + LATER)
    assert await store.rooms.deleted(Millis(delivery.world.clock.now() + LATER)) == []


async def test_a_direct_room_is_opened_again_after_it_was_deleted(world: World) -> None:
    """As another room; a greeting has the new one only."""
    alice, bob = await world.people(2)
    first, *_ = await world.store.rooms.create(world.new_direct(alice, bob))
    await world.append(first, alice, RoomDeleted())
    second, *_ = await world.store.rooms.create(world.new_direct(bob, alice))
    assert second != first
    assert second in {one.room for one in await world.store.rooms.summaries(alice)}
