"""MLS groups: founded once, moved on by one commit an epoch, in step with who is in the room."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace
from tests.server.chat.store.encryption_world import Delivery, attached, contest, handshake, proven, sealed
from tests.server.chat.store.world import allow

from parlour_protocol.delivery import GroupDevice, GroupState
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    EncryptionOn,
    GroupCreated,
    Handshake,
    Joined,
    Kicked,
    Left,
    Unbanned,
)
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_group_id
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import STALE_SECONDS
from parlour_server.app.log import log
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import RefusedError

Person = tuple[UserName, DeviceId]

SIGNED = StatementBytes(b"signed")
"""The store accepts any bytes: callers check them."""


async def refusal(delivery: Delivery, room: RoomId, person: Person, body: AnyBody) -> str | None:
    """Append what the rules allow, or return why they do not."""
    try:
        await delivery.append(
            room, person[0], body, person[1], attached(body) if isinstance(body, Handshake) else None
        )
    except RefusedError as error:
        return error.code
    return None


async def state(delivery: Delivery, room: RoomId, user: UserName) -> GroupState:
    """Return where the group stands."""
    found = await delivery.store.groups.state(room, user, delivery.now)
    assert found is not None
    return found


def device(person: Person) -> GroupDevice:
    """Return the device as a state lists it."""
    return GroupDevice(device=person[1], user=person[0])


async def test_an_approved_device_creates_a_group(delivery: Delivery) -> None:
    """It is at epoch 0 with only its creator; the others are missing."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    second = (alice[0], await delivery.device(alice[0]))
    pending = await delivery.device(bob[0], active=False)
    room = await delivery.room(alice[0], bob[0])
    before = await state(delivery, room, bob[0])
    assert (before.group, before.epoch, before.present) == (None, 0, ())
    assert set(before.missing) == {device(alice), device(second), device(bob)}
    group = new_group_id()
    founding = GroupCreated(group=group, device=pending)
    assert await refusal(delivery, room, (bob[0], pending), founding) is ErrorCode.FORBIDDEN
    assert await refusal(delivery, room, (alice[0], pending), founding) is ErrorCode.FORBIDDEN
    founding = GroupCreated(group=group, device=alice[1])
    assert await refusal(delivery, room, second, founding) is ErrorCode.FORBIDDEN
    assert await refusal(delivery, room, alice, founding) is None
    after = await state(delivery, room, bob[0])
    assert (after.group, after.epoch, after.present) == (group, 0, (device(alice),))
    assert set(after.missing) == {device(second), device(bob)}
    assert after.leaving == ()
    assert not after.contested


async def test_the_first_founder_wins(delivery: Delivery, administration: ChatStore) -> None:
    """Of two devices at two servers one founds the group; and an id is used for one group, ever."""
    alice = await delivery.person("alice")
    room, other = await delivery.room(alice[0]), await delivery.room(alice[0])
    bodies = [GroupCreated(group=new_group_id(), device=alice[1]) for _ in range(6)]
    outcomes = await asyncio.gather(
        *(
            delivery.append(room, alice[0], body, alice[1], store=store)
            for body, store in zip(bodies, [delivery.store, administration] * 3, strict=True)
        ),
        return_exceptions=True,
    )
    won = [body for body, outcome in zip(bodies, outcomes, strict=True) if isinstance(outcome, log.Appended)]
    assert len(won) == 1
    lost = [outcome for outcome in outcomes if not isinstance(outcome, log.Appended)]
    assert all(isinstance(one, RefusedError) and one.code is ErrorCode.STALE_EPOCH for one in lost)
    assert (await state(delivery, room, alice[0])).group == won[0].group
    assert await refusal(delivery, other, alice, won[0]) is ErrorCode.CONFLICT


async def test_a_stranger_sees_no_group(delivery: Delivery) -> None:
    """Nor is there one in an open room."""
    alice, eve = await delivery.person("alice"), await delivery.person("eve")
    room, open_room = await delivery.room(alice[0]), await delivery.world.room(alice[0])
    await delivery.group_of(room, alice)
    assert await delivery.store.groups.state(room, eve[0], delivery.now) is None
    assert await delivery.store.groups.state(open_room, alice[0], delivery.now) is None


async def test_a_commit_moves_the_group_on(delivery: Delivery) -> None:
    """Its devices, its epoch and its Welcome are there with its event."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    group = await delivery.found(room, *alice)
    made = await delivery.commit(room, *alice, added=[bob[1]])
    found = await state(delivery, room, alice[0])
    assert (found.group, found.epoch, found.missing) == (group, 1, ())
    assert found.present == (device(alice), device(bob))
    (waiting,), more = await delivery.store.groups.welcomes(bob[1], max_bytes=10_000)
    assert (waiting.room, waiting.group, waiting.seq) == (room, group, made.entry.seq)
    assert (bytes(waiting.welcome), bytes(waiting.tree), more) == (b"welcome", b"tree", False)


@pytest.mark.parametrize("rules", ["decided", "bypassed"])
async def test_one_commit_wins_an_epoch(delivery: Delivery, administration: ChatStore, rules: str) -> None:
    """A hundred commits at two servers: one event, one epoch; also if every one of them were let through."""
    people = [await delivery.person(f"person{number}") for number in range(5)]
    room = await delivery.room(*(user for user, _ in people))
    group = await delivery.group_of(room, *people)
    late = (people[0][0], await delivery.device(people[0][0]))
    head = len(await delivery.world.events(room))
    outcomes: list[AppendedEvent | BaseException] = []
    body = handshake(group, 1, added=[late[1]])
    events = [
        (store, delivery.event(room, user, body, sender, attached(body)))
        for store in (delivery.store, administration)
        for user, sender in people * 10
    ]
    if rules == "decided":
        outcomes += await asyncio.gather(
            *(delivery.append(room, e.author, e.body, e.sender, e.attached, store) for store, e in events),
            return_exceptions=True,
        )
    else:
        outcomes += await asyncio.gather(
            *(store.log.append(event, allow) for store, event in events), return_exceptions=True
        )
    assert len([one for one in outcomes if isinstance(one, log.Appended)]) == 1
    lost = [one for one in outcomes if not isinstance(one, log.Appended)]
    assert all(isinstance(one, RefusedError) and one.code is ErrorCode.STALE_EPOCH for one in lost)
    assert len(lost) == 99
    assert (await state(delivery, room, late[0])).epoch == 2
    assert len(await delivery.world.events(room)) == head + 1
    assert len((await delivery.store.groups.welcomes(late[1], max_bytes=10_000))[0]) == 1


async def test_a_commit_that_is_sent_again_is_the_same(delivery: Delivery) -> None:
    """A lost answer: repeating the request makes no second commit, and no second Welcome."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    group = await delivery.found(room, *alice)
    body = handshake(group, 0, added=[bob[1]])
    event = delivery.event(room, alice[0], body, alice[1], attached(body))
    first = await delivery.store.log.append(event, allow)
    again = await delivery.store.log.append(event, allow)
    assert (first.replay, again.replay, again.entry) == (False, True, first.entry)
    assert len((await delivery.store.groups.welcomes(bob[1], max_bytes=10_000))[0]) == 1
    assert (await state(delivery, room, alice[0])).epoch == 1


async def test_only_devices_of_members_enter_a_group(delivery: Delivery) -> None:
    """Ghost devices: a stranger's, a pending one, one that is in it; nor does anyone who stays leave it."""
    alice, bob, eve = [await delivery.person(name) for name in ("alice", "bob", "eve")]
    pending = await delivery.device(bob[0], active=False)
    room = await delivery.room(alice[0], bob[0])
    group = await delivery.found(room, *alice)
    for ghost in (eve[1], pending, alice[1]):
        body = handshake(group, 0, added=[ghost])
        assert await refusal(delivery, room, alice, body) is ErrorCode.STALE_EPOCH
    await delivery.commit(room, *alice, added=[bob[1]])
    body = handshake(group, 1, removed=[bob[1]])
    assert await refusal(delivery, room, alice, body) is ErrorCode.STALE_EPOCH
    assert (await state(delivery, room, alice[0])).present == (device(alice), device(bob))


async def leave(delivery: Delivery, room: RoomId, owner: UserName, bob: Person) -> None:
    """Let Bob leave."""
    del owner
    await delivery.append(room, bob[0], Left(statement=SIGNED))


async def kick(delivery: Delivery, room: RoomId, owner: UserName, bob: Person) -> None:
    """Put Bob out."""
    await delivery.append(room, owner, Kicked(who=bob[0], statement=SIGNED))


async def ban(delivery: Delivery, room: RoomId, owner: UserName, bob: Person) -> None:
    """Ban Bob permanently."""
    await delivery.append(room, owner, Banned(who=bob[0], statement=SIGNED))


async def disable(delivery: Delivery, room: RoomId, owner: UserName, bob: Person) -> None:
    """Close Bob's account."""
    del room, owner
    await delivery.store.accounts.set_disabled(ByOperator(bob[0]), disabled=True)


async def revoke(delivery: Delivery, room: RoomId, owner: UserName, bob: Person) -> None:
    """Revoke Bob's device."""
    del room, owner
    await delivery.revoke(*bob)


async def replace_key(delivery: Delivery, room: RoomId, owner: UserName, bob: Person) -> None:
    """Give Bob's account another key."""
    del room, owner
    await delivery.store.devices.publish_account_key(
        proven(await delivery.by(bob[0])), delivery.key(), delivery.entry(), replaces=delivery.keys[bob[0]]
    )


WayOut = Callable[[Delivery, RoomId, UserName, Person], Awaitable[None]]
WAYS_OUT: list[WayOut] = [leave, kick, ban, revoke, replace_key]


@pytest.mark.parametrize("way", WAYS_OUT, ids=lambda way: way.__name__)
async def test_no_one_sends_before_a_departed_member_is_removed(delivery: Delivery, way: WayOut) -> None:
    """RFC 9420 section 12.4: whatever ended it, messages wait for the commit, which any member may make."""
    alice, bob, carol = [await delivery.person(name) for name in ("alice", "bob", "carol")]
    room = await delivery.room(alice[0], bob[0], carol[0])
    group = await delivery.group_of(room, alice, bob, carol)
    assert await refusal(delivery, room, alice, sealed(group, 1)) is None
    await way(delivery, room, alice[0], bob)
    assert (await state(delivery, room, alice[0])).leaving == (device(bob),)
    for epoch in (0, 1):
        expected = ErrorCode.REMOVAL_PENDING
        assert await refusal(delivery, room, alice, sealed(group, epoch)) is expected
    # a leaving device can neither send, nor commit, nor contest, even as a member
    for body in (sealed(group, 1), handshake(group, 1), contest(group, 1)):
        assert await refusal(delivery, room, bob, body) is not None
    await delivery.commit(room, *carol, removed=[bob[1]])
    found = await state(delivery, room, alice[0])
    assert (found.present, found.leaving) == ((device(alice), device(carol)), ())
    assert await refusal(delivery, room, alice, sealed(group, 1)) is ErrorCode.STALE_EPOCH
    assert await refusal(delivery, room, alice, sealed(group, 2)) is None


async def test_a_message_for_the_epoch_just_past_is_taken_for_a_while(delivery: Delivery) -> None:
    """Until the time is over, one epoch back and no more, and never for an epoch to come."""
    alice = await delivery.person("alice")
    room = await delivery.room(alice[0])
    group = await delivery.found(room, *alice)
    await delivery.commit(room, *alice)
    await delivery.commit(room, *alice)
    for epoch, code in ((0, ErrorCode.STALE_EPOCH), (1, None), (2, None), (3, ErrorCode.STALE_EPOCH)):
        assert await refusal(delivery, room, alice, sealed(group, epoch)) is code
    delivery.world.clock.forward(STALE_SECONDS.value - 0.001)
    assert await refusal(delivery, room, alice, sealed(group, 1)) is None
    delivery.world.clock.forward(0.001)
    assert await refusal(delivery, room, alice, sealed(group, 1)) is ErrorCode.STALE_EPOCH
    assert await refusal(delivery, room, alice, sealed(group, 2)) is None


@pytest.mark.parametrize("came_back", [True, False])
async def test_someone_who_returns_before_the_removal_is_removed_and_added_again(
    delivery: Delivery,
    came_back: bool,  # noqa: FBT001 - a table
) -> None:
    """Their devices forgot the keys when they went; else they would be counted as present for ever."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    second = (bob[0], await delivery.device(bob[0]))
    room = await delivery.room(alice[0], bob[0])
    group = await delivery.group_of(room, alice, bob, second)
    await delivery.append(room, bob[0], Left(statement=SIGNED))
    await revoke(delivery, room, alice[0], second)
    if came_back:
        await delivery.append(room, bob[0], Joined(statement=SIGNED))
    found = await state(delivery, room, alice[0])
    assert (found.group, set(found.leaving)) == (group, {device(bob), device(second)})
    await delivery.device(bob[0])  # a change of devices takes no mark away
    assert found.leaving == (await state(delivery, room, alice[0])).leaving
    if came_back:
        assert await refusal(delivery, room, bob, sealed(group, 1)) is ErrorCode.REMOVAL_PENDING
    await delivery.commit(room, *alice, removed=[bob[1], second[1]])
    found = await state(delivery, room, alice[0])
    assert (found.leaving, device(bob) in found.missing) == ((), came_back)
    assert device(second) not in found.missing


async def test_a_disabled_account_need_not_leave(delivery: Delivery) -> None:
    """No one signed a removal, so members would not make one; who was banned meanwhile must leave."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    rooms = [await delivery.room(alice[0], bob[0]) for _ in range(2)]
    for room in rooms:
        await delivery.group_of(room, alice, bob)
    await disable(delivery, rooms[0], alice[0], bob)
    await ban(delivery, rooms[1], alice[0], bob)
    assert (await state(delivery, rooms[0], alice[0])).leaving == ()
    await delivery.store.accounts.set_disabled(ByOperator(bob[0]), disabled=False)
    found = [(await state(delivery, room, alice[0])).leaving for room in rooms]
    assert found == [(), (device(bob),)]
    await delivery.append(rooms[1], alice[0], Unbanned(who=bob[0]))
    assert (await state(delivery, rooms[1], alice[0])).leaving == (device(bob),)


async def test_a_contested_group_is_replaced(delivery: Delivery) -> None:
    """By a device that is in it, or a moderator's; the old one is frozen."""
    alice, bob, carol = [await delivery.person(name) for name in ("alice", "bob", "carol")]
    room = await delivery.room(alice[0], bob[0], carol[0])
    old = await delivery.group_of(room, alice, bob)
    again = GroupCreated(group=new_group_id(), device=alice[1], replaces=old)
    assert await refusal(delivery, room, alice, again) is ErrorCode.STALE_EPOCH
    assert (
        await refusal(delivery, room, (alice[0], DeviceId("x" * 26)), contest(old, 1)) is ErrorCode.FORBIDDEN
    )
    assert await refusal(delivery, room, bob, contest(old, 1)) is None
    assert await refusal(delivery, room, bob, contest(old, 1)) is ErrorCode.ALREADY
    assert (await state(delivery, room, alice[0])).contested
    assert await refusal(delivery, room, bob, sealed(old, 1)) is None
    by_carol = GroupCreated(group=new_group_id(), device=carol[1], replaces=old)
    assert await refusal(delivery, room, carol, by_carol) is ErrorCode.FORBIDDEN
    wrong = GroupCreated(group=new_group_id(), device=alice[1], replaces=new_group_id())
    assert await refusal(delivery, room, alice, wrong) is ErrorCode.STALE_EPOCH
    by_bob = GroupCreated(group=new_group_id(), device=bob[1], replaces=old)
    assert await refusal(delivery, room, bob, by_bob) is None
    found = await state(delivery, room, alice[0])
    assert (found.group, found.epoch, found.contested) == (by_bob.group, 0, False)
    assert found.present == (device(bob),)
    assert await refusal(delivery, room, alice, again) is ErrorCode.STALE_EPOCH
    for body in (sealed(old, 1), handshake(old, 1), contest(old, 1)):
        assert await refusal(delivery, room, bob, body) is ErrorCode.STALE_EPOCH
    assert await delivery.store.groups.welcomes(bob[1], max_bytes=10_000) == ([], False)
    # At epoch 0 as well: devices may know more of a group that a restored server has just founded.
    assert await refusal(delivery, room, bob, contest(by_bob.group, 0)) is None


async def test_whether_a_key_is_unusable_is_for_the_members_to_judge(delivery: Delivery) -> None:
    """Only members see it; someone who was removed for a usable key contests it."""
    alice, bob, carol = [await delivery.person(name) for name in ("alice", "bob", "carol")]
    room = await delivery.room(alice[0], bob[0], carol[0])
    group = await delivery.group_of(room, alice, bob)
    for gone, unusable in (([carol[1]], [carol[1]]), ([bob[1]], [])):
        body = replace(handshake(group, 1, (), gone), unusable=tuple(unusable))
        assert await refusal(delivery, room, alice, body) is ErrorCode.STALE_EPOCH
    body = replace(handshake(group, 1, (), [bob[1]]), unusable=(bob[1],))
    assert await refusal(delivery, room, alice, body) is None
    found = await state(delivery, room, alice[0])
    assert (found.present, found.leaving) == ((device(alice),), ())
    assert device(bob) in found.missing
    assert await refusal(delivery, room, bob, sealed(group, 2)) is ErrorCode.FORBIDDEN
    assert await refusal(delivery, room, bob, contest(group, 2)) is None
    assert (await state(delivery, room, alice[0])).contested


async def test_a_group_without_remaining_members_is_replaced(delivery: Delivery) -> None:
    """All devices were lost: no commit can come from who must leave, so a new device begins again."""
    alice = await delivery.person("alice")
    room = await delivery.room(alice[0])
    old = await delivery.found(room, *alice)
    new = (alice[0], await delivery.device(alice[0]))
    again = GroupCreated(group=new_group_id(), device=new[1], replaces=old)
    assert await refusal(delivery, room, new, again) is ErrorCode.STALE_EPOCH
    await revoke(delivery, room, alice[0], alice)
    assert await refusal(delivery, room, new, again) is None
    found = await state(delivery, room, alice[0])
    assert (found.present, found.leaving) == ((device(new),), ())


async def test_who_lost_the_only_devices_of_a_group_founds_it_again(delivery: Delivery) -> None:
    """Approved by the recovery words, a device replaces a group with only its account's devices."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    for alone in (False, True):
        room = await delivery.room(bob[0], alice[0])
        old = await delivery.group_of(room, bob, alice)
        if alone:
            await revoke(delivery, room, bob[0], bob)
        new = (alice[0], await delivery.device(alice[0]))
        again = GroupCreated(group=new_group_id(), device=new[1], replaces=old)
        assert await refusal(delivery, room, new, again) is ErrorCode.STALE_EPOCH
        assert await refusal(delivery, room, new, contest(old, 0)) is None
        assert await refusal(delivery, room, new, again) is (None if alone else ErrorCode.FORBIDDEN)


async def test_the_rooms_notified_of_a_users_devices(delivery: Delivery) -> None:
    """Encrypted ones that they are in, or left and have a device in the group of."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    await delivery.world.room(alice[0], bob[0])
    left, stays = [await delivery.room(alice[0], bob[0]) for _ in range(2)]
    await delivery.group_of(left, alice, bob)
    await delivery.append(left, bob[0], Left(statement=SIGNED))
    assert set(await delivery.store.groups.rooms_of(bob[0])) == {left, stays}
    await delivery.commit(left, *alice, removed=[bob[1]])
    assert set(await delivery.store.groups.rooms_of(bob[0])) == {stays}


async def test_encryption_is_switched_on_once(delivery: Delivery) -> None:
    """From then on the room says so, and takes nothing readable."""
    alice = await delivery.person("alice")
    room = await delivery.world.room(alice[0])
    group: GroupId = new_group_id()
    founding = GroupCreated(group=group, device=alice[1])
    assert await refusal(delivery, room, alice, founding) is ErrorCode.FORBIDDEN
    assert await refusal(delivery, room, alice, EncryptionOn()) is None
    assert await refusal(delivery, room, alice, EncryptionOn()) is ErrorCode.ALREADY
    assert (await delivery.store.rooms.summaries(alice[0]))[0].encrypted
    assert await refusal(delivery, room, alice, founding) is None
    assert (await state(delivery, room, alice[0])).epoch == Epoch(0)
