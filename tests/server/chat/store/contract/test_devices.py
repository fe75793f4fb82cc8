"""Account keys, the devices that they certify, and the end of a device."""

from dataclasses import replace

import pytest
from msgspec import structs
from tests.server.chat.store.encryption_world import DAY, Delivery, proven
from tests.server.chat.store.world import World
from tests.server.core.store.world import log_in

from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.limits import DEVICES_PER_USER
from parlour_server.chat.delivery.errors import NoDeviceError
from parlour_server.chat.delivery.records import CertificateRecord, DeviceChange
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import DevicesChanged
from parlour_server.core.accounts.tables.authority import ByOperator, BySession
from parlour_server.core.errors import RefusedError, SessionRefusedError
from parlour_server.core.store.records import SessionEnded


async def log_size(store: ChatStore) -> int:
    """Return how many entries the key log has."""
    return (await store.keylog.head()).size


async def test_an_account_key_is_published_once(delivery: Delivery) -> None:
    """The same key again changes nothing; the log says once that it is there."""
    alice = await delivery.world.account("alice")
    devices, key = delivery.store.devices, delivery.key()
    assert await devices.account_key(alice) is None
    by = await delivery.by(alice)
    for changed in (True, False):
        change = await devices.publish_account_key(by, key, delivery.entry(), replaces=None)
        assert change == DeviceChange(changed)
    assert await devices.account_key(alice) == key
    assert await log_size(delivery.store) == 1


async def test_a_key_is_replaced_only_by_who_knows_the_one_in_force(delivery: Delivery) -> None:
    """Two replacements at once, or a first key that comes late, do not overwrite one another."""
    alice = await delivery.world.account("alice")
    await delivery.account_key(alice)
    held = delivery.keys[alice]
    for replaces in (None, delivery.key()):
        with pytest.raises(RefusedError) as refused:
            await delivery.store.devices.publish_account_key(
                proven(await delivery.by(alice)), delivery.key(), delivery.entry(), replaces=replaces
            )
        assert refused.value.code is ErrorCode.CONFLICT
    assert await delivery.store.devices.account_key(alice) == held
    assert await log_size(delivery.store) == 1


async def test_a_new_account_key_ends_every_certified_device(delivery: Delivery) -> None:
    """Their sessions end, but the one that asks, which speaks for no device any more; pending ones stay."""
    alice = await delivery.world.account("alice")
    first, mine = await delivery.registered(alice)
    second, theirs = await delivery.registered(alice)
    third, waiting = await delivery.registered(alice, active=False)
    devices, old = delivery.store.devices, delivery.keys[alice]
    head = await delivery.store.journal.head()
    change = await devices.publish_account_key(
        proven(BySession(alice, mine)), delivery.key(), delivery.entry(), replaces=old
    )
    assert change == DeviceChange(changed=True, sessions=frozenset({theirs}))
    status = {device.id: device.status for device in await devices.list(alice, delivery.now)}
    assert status == {
        first.id: DeviceStatus.REVOKED,
        second.id: DeviceStatus.REVOKED,
        third.id: DeviceStatus.PENDING,
    }
    assert {record.id for record in await delivery.store.sessions.list(alice, delivery.now)} == {
        mine,
        waiting,
    }
    sessions = await delivery.store.sessions.list(alice, delivery.now)
    assert {record.device_id for record in sessions if record.id == mine} == {None}
    again = await devices.register(BySession(alice, mine), delivery.new_device(alice))
    sessions = await delivery.store.sessions.list(alice, delivery.now)
    assert {record.device_id for record in sessions if record.id == mine} == {again.id}
    reported = [entry.what for entry in await delivery.store.journal.since(head)]
    assert reported == [SessionEnded(theirs, alice), DevicesChanged(alice)]


async def test_a_session_speaks_for_its_device(delivery: Delivery) -> None:
    """A new device is pending; it is found by its session, by its id, and among the account's."""
    alice = await delivery.world.account("alice")
    made, _session = await delivery.registered(alice, active=False)
    devices = delivery.store.devices
    assert made.status is DeviceStatus.PENDING
    assert await devices.find(made.id, delivery.now) == made
    assert await devices.list(alice, delivery.now) == [made]
    (record,) = await delivery.store.sessions.list(alice, delivery.now)
    assert record.device_id == made.id
    assert await log_size(delivery.store) == 0


async def test_a_device_logs_in_again(delivery: Delivery) -> None:
    """It keeps its place under another session; registering twice is once."""
    alice = await delivery.world.account("alice")
    new = delivery.new_device(alice)
    made = await delivery.store.devices.register(BySession(alice, await delivery.session(alice)), new)
    delivery.world.clock.forward(60)
    again = replace(new, at=delivery.now)
    session = await delivery.session(alice)
    expected = replace(made, info=structs.replace(made.info, last_seen=delivery.now))
    for _ in range(2):
        assert await delivery.store.devices.register(BySession(alice, session), again) == expected
    assert await delivery.store.devices.list(alice, delivery.now) == [expected]


async def test_a_session_keeps_its_device(delivery: Delivery) -> None:
    """A stolen token cannot be given to another device, nor one account's session to another's."""
    alice, bob = await delivery.world.people(2)
    _, session = await delivery.registered(alice, active=False)
    with pytest.raises(RefusedError) as refused:
        await delivery.store.devices.register(BySession(alice, session), delivery.new_device(alice))
    assert refused.value.code is ErrorCode.CONFLICT
    for by, new in (
        (BySession(bob, session), delivery.new_device(bob)),
        (BySession(alice, SessionId("s" * 22)), delivery.new_device(alice)),
    ):
        with pytest.raises(SessionRefusedError):
            await delivery.store.devices.register(by, new)
    assert len(await delivery.store.devices.list(alice, delivery.now)) == 1


async def test_a_certificate_makes_a_device_active(delivery: Delivery) -> None:
    """By the device's own registration or by another one; the log and the other servers are updated."""
    alice = await delivery.world.account("alice")
    await delivery.account_key(alice)
    waiting, _ = await delivery.registered(alice, active=False)
    head = await delivery.store.journal.head()
    certificate = delivery.certificate(alice)
    by = await delivery.by(alice)
    approved = await delivery.store.devices.certify(by, waiting.id, certificate, delivery.entry())
    assert (approved.status, approved.certificate, approved.expires) == (
        DeviceStatus.ACTIVE,
        certificate.data,
        certificate.expires,
    )
    assert [entry.what for entry in await delivery.store.journal.since(head)] == [DevicesChanged(alice)]
    assert await log_size(delivery.store) == 2
    made, _ = await delivery.registered(alice)
    assert made.status is DeviceStatus.ACTIVE
    assert await log_size(delivery.store) == 3


async def test_an_older_certificate_does_not_replace_a_newer_one(delivery: Delivery) -> None:
    """Rollback: what is there ends as late, so nothing changes and nothing is logged."""
    alice = await delivery.world.account("alice")
    await delivery.account_key(alice)
    old = delivery.certificate(alice, days=10)
    session, new = await delivery.session(alice), delivery.new_device(alice)
    await delivery.store.devices.register(BySession(alice, session), new, old, delivery.entry())
    newer = delivery.certificate(alice, days=20)
    renewed = await delivery.store.devices.certify(await delivery.by(alice), new.id, newer, delivery.entry())
    assert renewed.certificate == newer.data
    for again in (old, newer):
        held = await delivery.store.devices.register(BySession(alice, session), new, again, delivery.entry())
        assert held.certificate == newer.data
    assert await log_size(delivery.store) == 3


async def test_only_the_account_key_in_force_certifies_and_revokes(delivery: Delivery) -> None:
    """What an earlier key signed, or a stranger's, is refused, and leaves nothing behind."""
    alice, bob = await delivery.world.people(2)
    await delivery.account_key(alice)
    waiting, _ = await delivery.registered(alice, active=False)
    other = CertificateRecord(delivery.certificate(alice).data, delivery.key(), Millis(delivery.now + DAY))
    devices, new, session = delivery.store.devices, delivery.new_device(bob), await delivery.session(bob)
    for refused in (
        devices.certify(await delivery.by(alice), waiting.id, other, delivery.entry()),
        devices.revoke(await delivery.by(alice), waiting.id, delivery.key(), delivery.entry()),
        devices.register(BySession(bob, session), new, other, delivery.entry()),
    ):
        with pytest.raises(RefusedError) as caught:
            await refused
        assert caught.value.code is ErrorCode.CONFLICT
    assert await devices.find(waiting.id, delivery.now) == waiting
    assert await devices.find(new.id, delivery.now) is None
    assert await log_size(delivery.store) == 1


async def test_no_one_touches_the_devices_of_others(delivery: Delivery) -> None:
    """To another account they are not there."""
    alice, _ = await delivery.person("alice")
    bob, device = await delivery.person("bob")
    devices = delivery.store.devices
    for refused in (
        devices.certify(await delivery.by(alice), device, delivery.certificate(alice), delivery.entry()),
        devices.revoke(await delivery.by(alice), device, delivery.keys[alice], delivery.entry()),
    ):
        with pytest.raises(RefusedError) as caught:
            await refused
        assert caught.value.code is ErrorCode.NOT_FOUND
    assert (await devices.list(bob, delivery.now))[0].status is DeviceStatus.ACTIVE


async def test_a_revoked_device_ends_for_good(delivery: Delivery) -> None:
    """Its session ends, its packages go, and neither a login nor a certificate brings it back."""
    alice = await delivery.world.account("alice")
    await delivery.device(alice)
    session, new = await delivery.session(alice), delivery.new_device(alice)
    devices = delivery.store.devices
    await devices.register(BySession(alice, session), new, delivery.certificate(alice), delivery.entry())
    await delivery.packages(new.id, "one", last_resort="last")
    head = await delivery.store.journal.head()
    change = await delivery.revoke(alice, new.id)
    assert change == DeviceChange(changed=True, sessions=frozenset({session}))
    reported = [entry.what for entry in await delivery.store.journal.since(head)]
    assert reported == [SessionEnded(session, alice), DevicesChanged(alice)]
    held = await devices.find(new.id, delivery.now)
    assert held is not None
    assert (held.status, held.info.packages, held.info.last_resort) == (DeviceStatus.REVOKED, 0, False)
    size = await log_size(delivery.store)
    for refused in (
        devices.register(BySession(alice, await delivery.session(alice)), new),
        devices.certify(await delivery.by(alice), new.id, delivery.certificate(alice), delivery.entry()),
    ):
        with pytest.raises(RefusedError) as caught:
            await refused
        assert caught.value.code is ErrorCode.FORBIDDEN
    with pytest.raises(NoDeviceError):
        await delivery.packages(new.id, "more")
    again = await delivery.revoke(alice, new.id)
    assert again == DeviceChange(changed=False)
    assert await log_size(delivery.store) == size


async def test_an_account_has_so_many_devices(delivery: Delivery) -> None:
    """At the limit one that no one approved and that is logged in nowhere makes room; else it is refused."""
    alice = await delivery.world.account("alice")
    made = [await delivery.registered(alice, active=False) for _ in range(DEVICES_PER_USER.value)]
    with pytest.raises(RefusedError) as refused:
        await delivery.device(alice, active=False)
    assert refused.value.code is ErrorCode.LIMIT_REACHED
    forgotten, session = made[3]
    await delivery.packages(forgotten.id, "one")
    await delivery.store.sessions.end(ByOperator(alice), session)
    newest = await delivery.device(alice, active=False)
    held = {device.id for device in await delivery.store.devices.list(alice, delivery.now)}
    assert held == {device.id for device, _ in made} - {forgotten.id} | {newest}


async def test_revoked_devices_do_not_count(delivery: Delivery) -> None:
    """Who revokes one may have another."""
    alice = await delivery.world.account("alice")
    made = [await delivery.device(alice) for _ in range(DEVICES_PER_USER.value)]
    await delivery.revoke(alice, made[0])
    await delivery.device(alice)


async def test_a_device_is_seen_when_its_session_is(delivery: Delivery) -> None:
    """So that its owner can tell a device that is lost from one in use."""
    alice = await delivery.world.account("alice")
    device, session = await delivery.registered(alice)
    delivery.world.clock.forward(3600)
    await delivery.store.sessions.touch({session: delivery.now})
    (found,) = await delivery.store.devices.list(alice, delivery.now)
    assert (found.info.last_seen, found.info.created) == (delivery.now, device.info.created)


async def test_a_ticket_opens_for_the_device_of_its_session(world: World, delivery: Delivery) -> None:
    """As it is when the ticket is taken: bound after it was issued, or revoked."""
    alice = await world.account("alice")
    session = world.session(alice, 77)
    await log_in(world.store, session, cap=5)
    await world.store.tickets.put(b"t" * 32, world.grant(session), seconds=30)
    new = delivery.new_device(alice)
    await world.store.devices.register(BySession(alice, session.id), new)
    grant = await world.store.tickets.take(b"t" * 32)
    assert grant == replace(world.grant(session), device_id=new.id)


async def test_disabling_an_account_with_devices_is_in_the_journal(world: World, delivery: Delivery) -> None:
    """Running servers must notify its rooms that someone must be removed, or added again."""
    alice, _ = await delivery.person("alice")
    for disabled in (True, False):
        head = await world.store.journal.head()
        await world.store.accounts.set_disabled(ByOperator(alice), disabled=disabled)
        assert DevicesChanged(alice) in [entry.what for entry in await world.store.journal.since(head)]
