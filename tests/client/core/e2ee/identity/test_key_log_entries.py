"""Entries of the key log that say nothing: forged, replayed, for another server, by a worthless key."""

from tests.client.core.e2ee.identity_world import ANA, BEN, World

from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.values import Trust
from parlour_mls import Secret
from parlour_protocol.identity import DeviceEntry, RevocationEntry
from parlour_protocol.kit.names import parse_device_name


async def test_forged_statements_say_nothing(world: World):
    """Certificates and revocations that the account did not sign are in the chain and have no effect."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    forger = AccountKey.generate()
    service, now = world.service, world.clock.now()
    ghost = service.certify(BEN, forger, b"g" * 32)
    service.append(DeviceEntry(now, ghost[:-1] + bytes([ghost[-1] ^ 1])))
    name = parse_device_name("ghost")
    _, made = ben.account.certify(BEN, service.server, b"h" * 32, name, now)
    ended = ben.account.revoke(BEN, service.server, ben.key.public, now)
    for broken in (made, ended):  # the right key is named, but it did not sign
        broken = broken[:-1] + bytes([broken[-1] ^ 1])  # noqa: PLW2901 - the broken one alone is used
        service.append(DeviceEntry(now, broken))
        service.append(RevocationEntry(now, broken))
    service.append(DeviceEntry(now, b"nonsense"))
    service.append(RevocationEntry(now, forger.revoke(BEN, service.server, ben.key.public, now)))
    service.entries.append(b"\xff not an entry")
    await ana.identity.catch_up()
    person = await ana.contacts.person(BEN)
    assert [one.device for one in person.devices] == [ben.device]
    assert not ana.alarms()


async def test_statements_for_another_server_say_nothing(world: World):
    """What the same account key signed for another server is worth nothing here."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    account, service, now = ben.account, world.service, world.clock.now()
    name = parse_device_name("ghost")
    _, data = account.certify(BEN, "elsewhere.example.org", b"h" * 32, name, now)
    service.append(DeviceEntry(now, data))
    service.append(RevocationEntry(now, account.revoke(BEN, "elsewhere.example.org", ben.key.public, now)))
    person = await ana.contacts.person(BEN)
    assert [one.device for one in person.devices] == [ben.device]


async def test_a_replayed_certificate_does_not_bring_a_device_back(world: World):
    """A revoked device stays revoked, though its old certificate is logged again."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    old, account = ben.certificate, ben.account
    now = world.clock.now()
    world.service.append(RevocationEntry(now, account.revoke(BEN, world.service.server, ben.key.public, now)))
    world.service.append(DeviceEntry(now, old))
    assert not (await ana.contacts.person(BEN)).devices


async def test_an_old_key_that_comes_back_does_not_bring_its_devices_back(world: World):
    """What was certified before another key came is void, also when the first key comes again."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    account = ben.account
    await ana.contacts.person(BEN)
    world.service.swap_account_key(BEN, AccountKey.generate())
    world.service.swap_account_key(BEN, account)
    person = await ana.contacts.person(BEN)
    assert not person.devices
    assert person.trust is Trust.CHANGED


async def test_a_key_of_small_order_certifies_nothing(world: World):
    """An account key under which one signature fits everything gives no devices to anyone."""
    ana = await world.home(ANA)
    small = b"\1" + bytes(31)
    account = AccountKey(Secret(bytes(32)))
    account.public = small
    world.service.swap_account_key(BEN, account)
    world.service.certify(BEN, account, b"g" * 32)
    assert not (await ana.contacts.person(BEN)).devices
