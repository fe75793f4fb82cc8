"""Key packages: each is given to one caller, to those who may add its device, and not for ever."""

import asyncio

import pytest
from tests.server.chat.store.encryption_world import DAY, Delivery

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.opaque import KeyPackageBytes
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import HYBRID_PACKAGES, KEY_PACKAGES
from parlour_protocol.rooms import RoomSuite
from parlour_server.chat.delivery.errors import NoDeviceError
from parlour_server.chat.delivery.records import ClaimRecord, NewPackages
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import DevicesChanged
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import RefusedError


@pytest.fixture
async def alice(delivery: Delivery) -> UserName:
    """Make someone who adds devices."""
    return (await delivery.person("alice"))[0]


@pytest.fixture
async def device(delivery: Delivery) -> DeviceId:
    """Make the device of someone else."""
    return (await delivery.person("bob"))[1]


@pytest.fixture
async def room(delivery: Delivery, alice: UserName, device: DeviceId) -> RoomId:
    """Make an encrypted room that both are in."""
    held = await delivery.store.devices.find(device, delivery.now)
    assert held is not None
    return await delivery.room(alice, held.user)


async def claim(delivery: Delivery, room: RoomId, user: UserName, *devices: DeviceId) -> list[ClaimRecord]:
    """Claim."""
    return list(await delivery.store.devices.claim(await delivery.by(user), room, devices))


async def names(delivery: Delivery, room: RoomId, user: UserName, device: DeviceId) -> list[str]:
    """Claim one and return what it was."""
    return [bytes(record.package).decode() for record in await claim(delivery, room, user, device)]


async def test_each_package_is_given_once_and_the_last_resort_in_the_end(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """In the order in which they came; the last resort is given again and again, and says so."""
    await delivery.packages(device, "one", "two", last_resort="last")
    given = [(await claim(delivery, room, alice, device, device))[0] for _ in range(4)]
    assert [(bytes(one.package), one.left, one.last_resort) for one in given] == [
        (b"one", 1, False),
        (b"two", 0, False),
        (b"last", 0, True),
        (b"last", 0, True),
    ]
    held = await delivery.store.devices.find(device, delivery.now)
    assert held is not None
    assert (held.info.packages, held.info.last_resort) == (0, False)


async def test_the_suites_are_kept_apart(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """A claim gives only what is of its suite; each has its own limit, last resort and count."""

    async def put(suite: RoomSuite, *names: bytes, replace: bool = False) -> bool:
        packages, last = tuple(map(KeyPackageBytes, names[1:])), KeyPackageBytes(names[0])
        expires = Millis(delivery.now + DAY)
        new = NewPackages(device, packages, last, expires, replace=replace, suite=suite)
        return await delivery.store.devices.put_packages(await delivery.speaks_for(new.device), new)

    async def given(suite: RoomSuite) -> list[bytes]:
        found = await delivery.store.devices.claim(await delivery.by(alice), room, [device], suite)
        assert all(record.suite is suite for record in found)
        return [bytes(record.package) for record in found]

    assert await put(RoomSuite.X25519, b"last", b"one")
    assert await given(RoomSuite.X_WING) == []
    assert await put(RoomSuite.X_WING, b"hybrid last", *(b"hybrid %d" % n for n in range(20)))
    assert not await put(RoomSuite.X_WING, b"hybrid last")
    held = await delivery.store.devices.find(device, delivery.now)
    assert held is not None
    assert (held.info.packages, held.info.last_resort) == (1, True)
    assert (held.info.hybrid_packages, held.info.hybrid_last_resort) == (HYBRID_PACKAGES.value, True)
    assert await given(RoomSuite.X_WING) == [b"hybrid 4"]  # the oldest went
    assert await put(RoomSuite.X25519, b"other last", b"two", replace=True) is False
    assert [await given(RoomSuite.X25519) for _ in range(2)] == [[b"two"], [b"other last"]]
    assert await given(RoomSuite.X_WING) == [b"hybrid 5"]


async def test_who_has_none_is_left_out(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """A claim for several gets what there is."""
    second = await delivery.device(alice)
    await delivery.packages(second, "second")
    found = await claim(delivery, room, alice, device, second)
    assert [(one.device, one.user) for one in found] == [(second, alice)]


async def test_a_package_is_given_to_one_of_many_servers(
    delivery: Delivery, administration: ChatStore, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """Double spending: forty claims at two stores of one database get each of twenty packages once."""
    await delivery.packages(device, *(f"package {number}" for number in range(20)))
    stores = [delivery.store, administration] * 20
    by = await delivery.by(alice)
    found = await asyncio.gather(*(store.devices.claim(by, room, [device]) for store in stores))
    given = [bytes(record.package) for records in found for record in records]
    assert len(given) == len(set(given)) == 20


async def test_a_package_that_was_given_is_not_taken_again(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """An upload whose answer was lost is repeated: what was given meanwhile must not be given twice."""
    await delivery.packages(device, "one", "two", last_resort="last")
    assert await names(delivery, room, alice, device) == ["one"]
    for _ in range(2):
        await delivery.packages(device, "one", "two", last_resort="last")
    rest = [await names(delivery, room, alice, device) for _ in range(3)]
    assert rest == [["two"], ["last"], ["last"]]


async def test_a_used_last_resort_is_replaced_and_not_brought_back(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """A new one takes its place; the old one is never given after that."""
    await delivery.packages(device, last_resort="old")
    assert await names(delivery, room, alice, device) == ["old"]
    await delivery.packages(device, last_resort="new")
    held = await delivery.store.devices.find(device, delivery.now)
    assert held is not None
    assert held.info.last_resort
    assert await names(delivery, room, alice, device) == ["new"]
    await delivery.packages(device, last_resort="old")
    assert await names(delivery, room, alice, device) == []


async def test_all_packages_are_replaced(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """When a device has a new key, none of the old ones may be given; what is the same stays."""
    await delivery.packages(device, "given", "old", "kept", last_resort="last")
    assert await names(delivery, room, alice, device) == ["given"]
    kept = tuple(KeyPackageBytes(name) for name in (b"given", b"kept"))
    new = NewPackages(device, kept, None, Millis(delivery.now + DAY), replace=True)
    await delivery.store.devices.put_packages(await delivery.speaks_for(new.device), new)
    assert [await names(delivery, room, alice, device) for _ in range(2)] == [["kept"], []]


async def test_the_first_packages_of_a_device_are_in_the_journal(
    delivery: Delivery, device: DeviceId
) -> None:
    """In other processes too: who looked before could not add the device. Later ones change nothing."""
    head = await delivery.store.journal.head()
    found = await delivery.store.devices.find(device, delivery.now)
    assert found is not None

    async def put(name: bytes, days: int = 1) -> bool:
        packages = (KeyPackageBytes(name),)
        new = NewPackages(device, packages, None, Millis(delivery.now + days * DAY), replace=False)
        return await delivery.store.devices.put_packages(await delivery.speaks_for(new.device), new)

    assert await put(b"one")
    assert [entry.what for entry in await delivery.store.journal.since(head)] == [DevicesChanged(found.user)]
    assert not await put(b"two")
    assert len(await delivery.store.journal.since(head)) == 1
    delivery.world.clock.forward(2 * 86_400)
    assert await put(b"three")  # all that it had was of no use any more


async def test_expired_packages_are_not_given(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """Neither the single ones nor the last resort, and they do not count."""
    await delivery.packages(device, "one", last_resort="last", days=1)
    delivery.world.clock.forward(86_400)
    assert await names(delivery, room, alice, device) == []
    held = await delivery.store.devices.find(device, delivery.now)
    assert held is not None
    assert (held.info.packages, held.info.last_resort) == (0, False)


async def test_a_device_keeps_so_many_packages(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """The oldest make place for more, since two programs may bring them at once; nothing is refused."""
    full = [f"package {number}" for number in range(KEY_PACKAGES.value)]
    await delivery.packages(device, *full)
    await delivery.packages(device, *full)
    assert await names(delivery, room, alice, device) == ["package 0"]
    await delivery.packages(device, "one more", "another", last_resort="last")
    held = await delivery.store.devices.find(device, delivery.now)
    assert held is not None
    assert (held.info.packages, held.info.last_resort) == (KEY_PACKAGES.value, True)
    assert await names(delivery, room, alice, device) == ["package 2"]
    again = [f"later {number}" for number in range(KEY_PACKAGES.value)]
    await delivery.packages(device, *again)
    assert [await names(delivery, room, alice, device) for _ in range(KEY_PACKAGES.value)] == [
        [name] for name in again
    ]


async def test_what_was_given_stays_given_when_the_oldest_go(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """A package that someone has cannot be brought again, however many came after it."""
    await delivery.packages(device, "given")
    assert await names(delivery, room, alice, device) == ["given"]
    for run in range(2):
        await delivery.packages(device, *(f"{run} {number}" for number in range(KEY_PACKAGES.value)))
    await delivery.packages(device, "given")
    found = [await names(delivery, room, alice, device) for _ in range(KEY_PACKAGES.value)]
    assert ["given"] not in found


async def test_packages_are_for_those_who_may_add_the_device(
    delivery: Delivery, room: RoomId, alice: UserName, device: DeviceId
) -> None:
    """Exhaustion: no one uses up the packages of a device that they have no room with, or that is in it."""
    eve, _ = await delivery.person("eve")
    await delivery.packages(device, "one", "two")
    open_room, elsewhere = await delivery.world.room(alice), await delivery.room(eve)
    for where, who in ((room, eve), (open_room, alice)):
        with pytest.raises(RefusedError) as refused:
            await claim(delivery, where, who, device)
        assert refused.value.code is ErrorCode.NOT_FOUND
    assert await claim(delivery, elsewhere, eve, device) == []
    mine = await delivery.device(alice)
    await delivery.packages(mine, "mine")
    await delivery.group_of(room, (alice, mine))
    assert await claim(delivery, room, alice, mine) == []
    assert await names(delivery, room, alice, device) == ["one"]


async def test_a_device_that_is_not_approved_is_not_added(delivery: Delivery) -> None:
    """Ghost device: pending, revoked, with a certificate that ended, or of a disabled account."""
    alice, _ = await delivery.person("alice")
    bob, active = await delivery.person("bob")
    room = await delivery.room(alice, bob)
    pending = await delivery.device(bob, active=False)
    for device in (active, pending):
        await delivery.packages(device, f"one of {device}", f"two of {device}", days=200)
    assert await names(delivery, room, alice, pending) == []
    await delivery.store.accounts.set_disabled(ByOperator(bob), disabled=True)
    assert await names(delivery, room, alice, active) == []
    await delivery.store.accounts.set_disabled(ByOperator(bob), disabled=False)
    assert await names(delivery, room, alice, active) == [f"one of {active}"]
    delivery.world.clock.forward(91 * 86_400)
    await delivery.device(alice, active=False)  # her session is over
    assert await names(delivery, room, alice, active) == []


async def test_packages_for_an_unknown_device_are_refused(delivery: Delivery) -> None:
    """Nothing is kept for it, nor for one that another session speaks for."""
    alice, mine = await delivery.person("alice")
    expires = Millis(delivery.now + DAY)
    for device in (delivery.new_device(alice).id, await delivery.device(alice)):
        new = NewPackages(device, (KeyPackageBytes(b"one"),), None, expires)
        with pytest.raises(NoDeviceError):
            await delivery.store.devices.put_packages(await delivery.by(alice, mine), new)
