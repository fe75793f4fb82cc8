"""The inbox of Welcomes: each waits for its device until it was fetched, or opens nothing any more."""

from dataclasses import replace

from tests.server.chat.store.encryption_world import Delivery

from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames.bodies import Joined, Left
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.kit.ids import DeviceId

PLENTY = 10_000_000

SIGNED = StatementBytes(b"signed")
"""The store accepts any bytes: callers check them."""


async def waiting(delivery: Delivery, device: DeviceId) -> list[WaitingWelcome]:
    """Return what waits for the device."""
    found, more = await delivery.store.groups.welcomes(device, max_bytes=PLENTY)
    assert not more
    return list(found)


async def test_a_welcome_waits_until_it_was_fetched(delivery: Delivery) -> None:
    """One commit's Welcome goes to each device that it added; fetched by one, it waits for the others."""
    alice, bob, carol = [await delivery.person(name) for name in ("alice", "bob", "carol")]
    room = await delivery.room(alice[0], bob[0], carol[0])
    await delivery.group_of(room, alice, bob, carol)
    (of_bob,), (of_carol,) = await waiting(delivery, bob[1]), await waiting(delivery, carol[1])
    assert of_bob.id != of_carol.id
    assert not await delivery.store.groups.drop_welcome(await delivery.by(*bob), of_carol.id)
    assert await delivery.store.groups.drop_welcome(await delivery.by(*bob), of_bob.id)
    assert not await delivery.store.groups.drop_welcome(await delivery.by(*bob), of_bob.id)
    assert await waiting(delivery, bob[1]) == []
    assert await waiting(delivery, carol[1]) == [of_carol]


async def test_the_oldest_come_first_as_many_as_fit(delivery: Delivery) -> None:
    """One at least, however large."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    rooms = [await delivery.room(alice[0], bob[0]) for _ in range(3)]
    for room in rooms:
        await delivery.group_of(room, alice, bob)
    one = len(b"welcome") + len(b"tree")
    for max_bytes, expected in ((0, 1), (2 * one - 1, 1), (2 * one, 2), (3 * one, 3)):
        found, more = await delivery.store.groups.welcomes(bob[1], max_bytes=max_bytes)
        assert [welcome.room for welcome in found] == rooms[:expected]
        assert more is (expected < 3)


async def test_a_welcome_is_not_for_who_left(delivery: Delivery) -> None:
    """Hidden as soon as someone leaves, even if they come back: they are removed first, and added again."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    await delivery.group_of(room, alice, bob)
    await delivery.append(room, bob[0], Left(statement=SIGNED))
    assert await waiting(delivery, bob[1]) == []
    await delivery.append(room, bob[0], Joined(statement=SIGNED))
    assert await waiting(delivery, bob[1]) == []


async def test_a_welcome_of_a_hidden_direct_room_is_not_shown(delivery: Delivery) -> None:
    """L14: who declined a direct room gets no keys of it; who opens it after all, does."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    made = delivery.world.new_direct(alice[0], bob[0])
    room, *_ = await delivery.store.rooms.create(replace(made, encrypted=True))
    await delivery.group_of(room, alice, bob)
    (welcome,) = await waiting(delivery, bob[1])
    assert await delivery.store.consent.decline(await delivery.world.by(bob[0]), room)
    assert await waiting(delivery, bob[1]) == []
    await delivery.store.rooms.create(delivery.world.new_direct(bob[0], alice[0]))
    assert await waiting(delivery, bob[1]) == [welcome]


async def test_a_welcome_is_deleted_when_its_device_is_removed(delivery: Delivery) -> None:
    """Added again, the device gets only the new one: the old one leads into an epoch without it."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    await delivery.group_of(room, alice, bob)
    await delivery.append(room, bob[0], Left(statement=SIGNED))
    await delivery.commit(room, *alice, removed=[bob[1]])
    await delivery.append(room, bob[0], Joined(statement=SIGNED))
    again = await delivery.commit(room, *alice, added=[bob[1]])
    assert [welcome.seq for welcome in await waiting(delivery, bob[1])] == [again.entry.seq]


async def test_a_revoked_device_gets_no_welcome(delivery: Delivery) -> None:
    """What waited for it is gone."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    await delivery.group_of(room, alice, bob)
    await delivery.revoke(*bob)
    assert await waiting(delivery, bob[1]) == []
