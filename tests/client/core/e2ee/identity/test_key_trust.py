"""How certificates and people stand: each kind, and the attack that it stops."""

import apsw
import pytest
from tests.client.core.e2ee.identity_world import ANA, BEN, SERVER, World

from parlour_client.core.archive import key_pins, own_keys
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.keys import CERTIFICATE_LIFETIME, AccountKey
from parlour_client.core.e2ee.identity.pins import Kind
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.errors import ArchiveError
from parlour_protocol.identity import DeviceEntry, RevocationEntry, pairing_code
from parlour_protocol.kit.names import parse_device_name

NAME = parse_device_name("phone")


async def test_a_certified_device_is_ok_and_its_owner_pinned(world: World):
    """A certificate that the log shows stands, and its account key is pinned at first sight."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    assert ana.identity.trust(BEN) is Trust.UNKNOWN
    found = await ana.judge(ben.certificate)
    assert (found.kind, found.blocks, found.trust) == (Kind.OK, False, Trust.FIRST_SEEN)
    assert found.certificate is not None
    assert (found.certificate.user, found.certificate.device) == (BEN, ben.device)
    await ana.identity.refresh()
    assert ana.identity.trust(BEN) is Trust.FIRST_SEEN


async def test_a_certificate_that_no_one_signed_is_invalid(world: World):
    """Every changed bit makes a certificate invalid, and so does another server's name."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    for at in range(0, len(ben.certificate), 7):
        changed = bytearray(ben.certificate)
        changed[at] ^= 1
        assert (await ana.judge(bytes(changed))).kind is Kind.INVALID
    _, elsewhere = ben.account.certify(BEN, "elsewhere", ben.key.public, NAME, world.clock.now())
    found = await ana.judge(elsewhere)
    assert (found.kind, found.blocks, found.certificate) == (Kind.INVALID, True, None)


async def test_a_ghost_device_that_the_log_hides_is_not_logged(world: World):
    """A certificate by the true account key that its owner cannot see in the log blocks sending."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    _, ghost = ben.account.certify(BEN, SERVER, b"g" * 32, NAME, world.clock.now())
    found = await ana.judge(ghost)
    assert (found.kind, found.blocks) == (Kind.NOT_LOGGED, True)
    assert "key log" in found.words
    world.service.append(DeviceEntry(world.clock.now(), ghost))
    await ana.identity.catch_up()
    assert (await ana.judge(ghost)).kind is Kind.OK


async def test_no_one_missing_from_the_log_is_trusted(world: World):
    """A made-up account with a made-up device is not logged, and is not pinned."""
    ana = await world.home(ANA)
    _, ghost = AccountKey.generate().certify(BEN, SERVER, b"g" * 32, NAME, world.clock.now())
    assert (await ana.judge(ghost)).kind is Kind.NOT_LOGGED
    assert await ana.archive.write(key_pins.find, BEN) is None


async def test_a_certificate_by_another_account_key_is_wrong(world: World):
    """A device that a stranger's key certified in someone's name blocks sending."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    _, ghost = AccountKey.generate().certify(BEN, SERVER, b"g" * 32, NAME, world.clock.now())
    assert (await ana.judge(ghost)).kind is Kind.WRONG_ACCOUNT_KEY


async def test_a_revoked_device_blocks(world: World):
    """After its revocation is logged a device's certificate counts no more."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    assert (await ana.judge(ben.certificate)).kind is Kind.OK
    now = world.clock.now()
    world.service.append(RevocationEntry(now, ben.account.revoke(BEN, SERVER, ben.key.public, now)))
    await ana.identity.catch_up()
    judged = await ana.judge(ben.certificate)
    assert judged.kind is Kind.REVOKED
    assert judged.words == f"ben's device {pairing_code(ben.device)} was revoked."  # its name is ben's choice


async def test_a_certificate_expires(world: World):
    """A certificate is in its last millisecond and not after it."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    certificate = ben.certificate
    world.clock.advance(CERTIFICATE_LIFETIME / 1000 - 0.001)
    assert (await ana.judge(certificate)).kind is Kind.OK
    world.clock.advance(0.001)
    assert (await ana.judge(certificate)).kind is Kind.EXPIRED
    assert not (await ana.contacts.person(BEN)).devices


async def swapped(world: World) -> tuple[AccountKey, bytes]:
    """Let the server give ben another key, and a device under it."""
    made_up = AccountKey.generate()
    world.service.swap_account_key(BEN, made_up)
    return made_up, world.service.certify(BEN, made_up, b"g" * 32)


@pytest.mark.parametrize("level", [Trust.FIRST_SEEN, Trust.VERIFIED])
async def test_a_swapped_account_key_blocks_until_the_person_decides(world: World, level: Trust):
    """A server that gives someone another key is told loudly; nothing goes out before the decision."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    person = await ana.contacts.person(BEN)
    if level is Trust.VERIFIED:
        await ana.contacts.confirm(BEN, person.safety_number)
    assert ana.identity.trust(BEN) is level
    _, ghost = await swapped(world)
    changes = ana.changes
    await ana.identity.catch_up()
    assert ana.changes > changes
    assert ana.identity.trust(BEN) is Trust.CHANGED
    found = await ana.judge(ghost)
    assert (found.kind, found.blocks) == (Kind.CHANGED, True)
    assert await ana.archive.write(pins.trust, BEN) is Trust.CHANGED
    after = await ana.contacts.person(BEN)
    assert after.trust is Trust.CHANGED
    assert after.safety_number != person.safety_number
    accepted = await ana.contacts.accept_key(BEN)
    assert (accepted.trust, (await ana.judge(ghost)).kind) == (Trust.FIRST_SEEN, Kind.OK)
    assert await ana.archive.write(pins.trust, BEN) is Trust.FIRST_SEEN


async def test_a_key_that_is_swapped_back_stays_changed(world: World):
    """A server that puts the first key back after its work does not hide what it did."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.contacts.person(BEN)
    await swapped(world)
    world.service.swap_account_key(BEN, ben.account)
    certificate = world.service.certify(BEN, ben.account, ben.key.public)
    await ana.identity.catch_up()
    assert (await ana.judge(certificate)).kind is Kind.CHANGED
    await ana.contacts.accept_key(BEN)
    assert (await ana.judge(certificate)).kind is Kind.OK


async def test_a_swap_before_we_met_is_not_called_a_change(world: World):
    """Who is met for the first time is first seen, whatever keys they had before."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    _, certificate = await swapped(world)
    await ana.identity.catch_up()
    assert (await ana.judge(certificate)).trust is Trust.FIRST_SEEN


async def test_the_version_moves_with_every_change(world: World):
    """Who remembers a judgement can tell when it may be another one."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    versions = [await ana.archive.write(pins.version)]

    async def note() -> None:
        versions.append(await ana.archive.write(pins.version))

    await ana.identity.catch_up()
    await note()
    await ana.judge(ben.certificate)
    await note()
    await ana.contacts.confirm(BEN, (await ana.contacts.person(BEN)).safety_number)
    await note()
    await swapped(world)
    await ana.identity.catch_up()
    await note()
    await ana.contacts.accept_key(BEN)
    await note()
    assert len(set(versions)) == len(versions)
    await ana.judge(ben.certificate)
    await ana.identity.catch_up()
    assert await ana.archive.write(pins.version) == versions[-1]


async def test_a_version_of_a_transaction_that_was_undone_never_comes_again(world: World) -> None:
    """A verdict that was made in it, and remembered, would pass for one of what is stored."""
    ana = await world.home(ANA)
    versions: list[int] = []

    def change(connection: apsw.Connection, *, fails: bool) -> None:
        own_keys.trust_changed(connection)
        versions.append(own_keys.trust_version(connection))
        if fails:
            raise ArchiveError("The disk is full.")

    with pytest.raises(ArchiveError):
        await ana.archive.write(change, fails=True)
    await ana.archive.write(change, fails=False)
    assert versions[0] != versions[1]
