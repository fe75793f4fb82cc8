"""Key packages: how many, how long, made before they are published, and what happens to old ones."""

import apsw
import pytest
from tests.client.core.e2ee.identity_world import ANA, PASSWORD, Home, World

from parlour_client.core.archive import own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.e2ee.identity.key_packages import DAY, MAX_HELD
from parlour_client.core.e2ee.identity.keys import CERTIFICATE, KNOWN
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.kit.errors import UnreachableError
from parlour_mls import (
    CLASSIC,
    HYBRID,
    Credential,
    Group,
    Lifetime,
    Policy,
    SigningKey,
    add_proposal,
)
from parlour_mls.crypto import kem
from parlour_protocol.delivery import DeviceInfo, DeviceStatus, KeyPackages
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.limits import HTTP_KEYS, HYBRID_PACKAGES, KEY_PACKAGE_BYTES
from parlour_protocol.rooms import RoomSuite

POLICY = Policy(extensions=KNOWN)


def at_server(single: int, *, last_resort: bool = True) -> DeviceInfo:
    """Return what a server says that has so many packages of each suite."""
    return DeviceInfo(
        device=DeviceId("d" * 32),
        key=PublicKey(bytes(32)),
        name=parse_device_name("laptop"),
        status=DeviceStatus.ACTIVE,
        created=Millis(1),
        last_seen=Millis(2),
        packages=single,
        last_resort=last_resort,
        hybrid_packages=single,
        hybrid_last_resort=last_resort,
        current=True,
    )


async def prepare(
    home: Home, single: int, *, last_resort: bool = True, suite: RoomSuite = RoomSuite.X25519
) -> KeyPackages | None:
    """Prepare what the server lacks, and say that it arrived."""
    there = at_server(single, last_resort=last_resort)
    made = await home.archive.write_durably(
        key_packages.prepare, home.own_identity, there, home.clock.now(), suite
    )
    await home.archive.write_durably(key_packages.published, suite)
    return made


async def held(home: Home, suite: RoomSuite = RoomSuite.X25519) -> tuple[int, int]:
    """Return how many single-use and last-resort packages the archive has private keys of."""
    store = [one for one in await home.archive.write(key_packages.load) if one.cipher_suite == suite]
    resorts = sum(package.last_resort for package in store)
    return len(store) - resorts, resorts


async def test_they_can_be_used_to_add_us(world: World):
    """A published package carries our certificate and credential, and a Welcome made with it is ours."""
    ana = await world.home(ANA)
    now = world.clock.now() // 1000
    founder = Group.create(
        b"group",
        Credential.basic(b"founder"),
        SigningKey.generate(),
        Lifetime(now - 1, now + 3_600),
        policy=POLICY,
    )
    package = world.service.devices[ana.device].packages[7]
    staged = founder.commit([add_proposal(package)], now=now)
    founder.merge_pending_commit()
    welcome = staged.welcome
    assert welcome is not None

    def join(connection: apsw.Connection) -> Group:
        store = key_packages.load(connection)
        group = Group.join(welcome, store, policy=POLICY)
        key_packages.save(connection, store)
        return group

    group = await ana.archive.write(join)
    leaf = dict(group.tree.members())[group.own_index]
    assert leaf.credential == ana.own_identity.key.credential
    assert [e.data for e in leaf.extensions if e.type == CERTIFICATE] == [ana.certificate]
    assert leaf.signature_key == ana.key.public
    assert await held(ana) == (49, 1)


@pytest.mark.parametrize(("left", "more"), [(50, 0), (20, 0), (19, 31), (0, 50)])
async def test_they_are_topped_up_below_twenty(world: World, left: int, more: int):
    """Down to twenty nothing is done; below it the server gets fifty again, not instead of what is there."""
    ana = await world.home(ANA)
    made = await prepare(ana, left)
    assert (len(made.packages) if made else 0) == more
    assert made is None or (made.last_resort, made.replace) == (None, False)


@pytest.mark.parametrize(("left", "more"), [(16, 0), (6, 0), (5, 11), (0, 16)])
async def test_those_for_post_quantum_rooms_are_fewer(world: World, left: int, more: int):
    """Each is five times as large, so sixteen lie there; both suites are brought at the first sign-in."""
    ana = await world.home(ANA)
    assert len(world.service.devices[ana.device].hybrid) == 16
    assert world.service.devices[ana.device].hybrid_last_resort is not None
    assert await held(ana, RoomSuite.X_WING) == (16, 1)
    made = await prepare(ana, left, suite=RoomSuite.X_WING)
    assert (len(made.packages) if made else 0) == more
    assert made is None or (made.suite, made.replace) == (RoomSuite.X_WING, False)


async def test_the_library_is_loaded_only_where_packages_are_made(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """A device whose packages are all there does not ask for ML-KEM: `cryptography` takes 8 MiB."""
    ana = await world.home(ANA)

    def asked() -> bool:
        raise AssertionError

    monkeypatch.setattr(kem, "_has_ml_kem", asked)
    assert await prepare(ana, 16, suite=RoomSuite.X_WING) is None
    with pytest.raises(AssertionError):
        await prepare(ana, 0, suite=RoomSuite.X_WING)


async def test_what_is_published_says_both_suites_and_fits(world: World):
    """Each key package is of its suite, lists both, and is within the limits of the wire."""
    ana = await world.home(ANA)
    device = world.service.devices[ana.device]
    for wires, suite in (([*device.packages, device.last_resort], CLASSIC), ([*device.hybrid], HYBRID)):
        for wire in wires:
            package = add_proposal(wire or b"").key_package
            assert package.cipher_suite == suite.number
            assert package.leaf_node.capabilities.cipher_suites == (CLASSIC.number, HYBRID.number)
            assert len(wire or b"") < KEY_PACKAGE_BYTES.value
    [last] = {len(device.hybrid_last_resort or b"")}
    assert (HYBRID_PACKAGES.value + 1) * last * 4 / 3 < HTTP_KEYS.value


async def test_a_used_last_resort_is_replaced(world: World):
    """A new last resort is published; the old one's keys stay for a Welcome on its way, a week."""
    ana = await world.home(ANA)
    world.service.devices[ana.device].last_resort = None
    await ana.identity.refresh_packages()
    assert world.service.devices[ana.device].last_resort is not None
    assert await held(ana) == (50, 2)
    world.clock.advance(8 * DAY)
    await prepare(ana, 50)
    assert await held(ana) == (50, 1)


async def test_they_live_for_thirty_days(world: World):
    """Packages are replaced after twenty days; their keys are forgotten when no one may use them."""
    ana = await world.home(ANA)
    world.clock.advance(19 * DAY)
    assert await prepare(ana, 50) is None
    world.clock.advance(1 * DAY)
    made = await prepare(ana, 50)
    assert made is not None
    assert (len(made.packages), made.replace, made.last_resort is not None) == (50, True, True)
    assert made.expires == world.clock.now() // 1000 * 1000 + 30 * DAY * 1000
    assert await held(ana) == (100, 2)
    world.clock.advance(10 * DAY + 2 * 3_600)
    await prepare(ana, 50)
    assert await held(ana) == (50, 1)


async def test_a_clock_that_went_back_does_not_stop_the_renewal(world: World):
    """Packages that seem to be of next month are replaced."""
    ana = await world.home(ANA)
    world.clock.advance(-40 * DAY)
    made = await prepare(ana, 50)
    assert made is not None
    assert made.replace


async def test_private_keys_are_written_before_publishing(world: World):
    """Whatever the server holds, its private keys are in the archive, also when the answer is lost."""
    ana = await world.home(ANA)
    world.service.devices[ana.device].packages.clear()
    ana.session.lose_reply_of = "packages"
    with pytest.raises(UnreachableError):
        await ana.identity.refresh_packages()
    published = world.service.devices[ana.device].packages
    store = await ana.archive.write(key_packages.load)
    assert len(published) == 50
    known = {package.encode() for package in store}
    assert all(any(one in wire for one in known) for wire in published)


async def test_after_a_lost_answer_all_are_replaced(world: World):
    """No one knows what lies at the server then; a package must not lie there twice."""
    ana = await world.home(ANA)
    world.service.devices[ana.device].packages.clear()
    ana.session.lose_reply_of = "packages"
    with pytest.raises(UnreachableError):
        await ana.identity.refresh_packages()
    first = set(world.service.devices[ana.device].packages)
    await ana.identity.refresh_packages()
    second = world.service.devices[ana.device].packages
    assert len(second) == 50
    assert not first & set(second)


async def test_publishing_that_fails_does_not_fill_the_archive(world: World):
    """However often it fails, no more than the limit is kept, and the newest of them."""
    ana = await world.home(ANA)

    def fail_often(connection: apsw.Connection, own: OwnIdentity) -> None:
        for _ in range(9):
            own_keys.put(connection, Name.PACKAGES_UNSURE, b"1")
            key_packages.prepare(connection, own, at_server(0), ana.clock.now(), RoomSuite.X25519)

    await ana.archive.write_durably(fail_often, ana.own_identity)
    single, _ = await held(ana)
    assert single == MAX_HELD + 50
    assert await held(ana, RoomSuite.X_WING) == (16, 1)


async def test_a_new_device_key_has_new_packages_alone(world: World):
    """Packages of an earlier device key are gone: no one may be led into a group by them."""
    ana = await world.home(ANA)
    old = {package.ref for package in await ana.archive.write(key_packages.load)}
    await ana.identity.reset_identity(PASSWORD)
    new = {package.ref for package in await ana.archive.write(key_packages.load)}
    assert len(new) == 51 + 17
    assert not old & new


async def test_a_pending_device_makes_none(world: World):
    """Without a certificate no one could check a package, so none is made."""
    await world.home(ANA)
    second = await world.home(ANA)
    await second.identity.refresh_packages()
    assert await held(second) == (0, 0)


async def test_packages_of_a_version_that_knew_less_are_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """No one could add this device to the groups of this version by them."""
    ana = await world.home(ANA)
    assert await prepare(ana, 50) is None
    monkeypatch.setattr(key_packages, "_ABLE", b"f0c0 and more")
    made = await prepare(ana, 50)
    assert made is not None
    assert made.replace
