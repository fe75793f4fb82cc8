"""Leaves that lie about who they are, in key packages and in the paths of commits: never added."""

from collections.abc import Callable

import pytest
from tests.client.core.e2ee.group_world import (
    PHONE,
    ROOM,
    SERVER,
    START,
    Device,
    agree,
    clocks,
    request,
    room_of,
)
from tests.client.core.e2ee.hostile_commits import commit_of, handshake, refused

from parlour_client.core.e2ee.errors import BadPackageError
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_client.core.e2ee.identity.keys import CERTIFICATE, KNOWN, AccountKey, DeviceKey
from parlour_mls import (
    Credential,
    Extension,
    KeyPackageStore,
    LeafChange,
    Lifetime,
    Policy,
    SigningKey,
    add_proposal,
)
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_user_name

YEARS = 6 * 365 * 86_400_000


def broken(certificate: bytes) -> bytes:
    """Flip a bit in its signature."""
    return certificate[:-40] + bytes([certificate[-40] ^ 1]) + certificate[-39:]


def _stranger(name: str, device: Device) -> LeafChange:
    """Claim to be someone else by the credential alone."""
    user = parse_user_name(name)
    return LeafChange(credential=Credential.basic(f"{user}@{SERVER}/{device.id}".encode()))


def _certified(device: Device, account: AccountKey, **more: object) -> LeafChange:
    """Carry another certificate."""
    fields = {"user": device.user, "server": SERVER, "device_key": device.key.public, **more}
    user, server, key = fields["user"], fields["server"], fields["device_key"]
    _, data = account.certify(user, server, key, PHONE, Millis(0))  # type: ignore[arg-type]
    return LeafChange(extensions=(Extension(CERTIFICATE, data),))


LEAVES: dict[str, Callable[[Device], LeafChange]] = {
    "another credential": lambda device: _stranger("carol", device),
    "no certificate": lambda _: LeafChange(extensions=()),
    "broken certificate": lambda device: LeafChange(
        extensions=(Extension(CERTIFICATE, broken(device.certificate)),)
    ),
    "another account key": lambda device: _certified(device, AccountKey.generate()),
    "another server": lambda device: _certified(device, device.account, server="evil.example"),
    "another person": lambda device: _certified(device, AccountKey.generate(), user=parse_user_name("carol")),
    "another device": lambda device: _certified(
        device, device.account, device_key=DeviceKey.generate(device.user, SERVER).public
    ),
}


@pytest.mark.parametrize("what", LEAVES)
def test_the_leaf_of_a_commits_path_is_checked_like_any_other(what: str) -> None:
    """Marmot #55 and #634 (high): identity changed through the commit path."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    handshake(log, alice, commit_of(alice, log, leaf=LEAVES[what](alice)))
    refused(bobby, log)


def test_a_renewed_certificate_of_the_same_account_is_taken() -> None:
    """Longer validity is no other identity."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    handshake(log, alice, commit_of(alice, log, leaf=_certified(alice, alice.account)))
    bobby.sync(log)
    assert bobby.status(log).epoch == 2


@pytest.mark.parametrize("what", ["broken", "stolen", "another server", "another name", "none"])
def test_a_key_package_with_a_false_certificate_is_not_added_nor_taken(what: str) -> None:
    """Refused by who is to add it, naming the device; and by everyone when someone does."""
    alice, bobby = Device("alice"), Device("bobby")
    ghost = Device("bobby", account=bobby.account)
    log = room_of(alice, bobby)
    package = _ghostly(ghost, what)
    wanted = CommitRequest(request(3), {ghost.id: package}, (), *clocks(log))
    before = alice.state(log)
    with pytest.raises(BadPackageError) as caught:
        alice.make_commit(ROOM, wanted)
    assert set(caught.value.why) == {ghost.id}
    assert "no member" not in caught.value.why[ghost.id]
    assert alice.state(log) == before
    handshake(log, alice, commit_of(alice, log, add_proposal(package)), added=(ghost.id,))
    refused(bobby, log)


def _ghostly(ghost: Device, what: str) -> bytes:
    """Make a key package of a ghost device, with a store that keeps no rules."""
    signer, credential, certificate = ghost.key.signer, ghost.key.credential, ghost.certificate
    match what:
        case "broken":
            certificate = broken(certificate)
        case "stolen":  # the person's own certificate and name, with a key of the attacker's
            signer = SigningKey.generate()
        case "another server":
            key = DeviceKey(ghost.key.seed, ghost.user, "evil.example")
            _, certificate = ghost.account.certify(ghost.user, key.server, key.public, PHONE, Millis(START))
            credential = key.credential
            ghost.key = key
        case "another name":
            credential = Credential.basic(f"alice@{SERVER}/{ghost.id}".encode())
        case _:
            certificate = b""
    return KeyPackageStore().create(
        credential,
        signer,
        Lifetime(1_790_000_000 - 60, 1_790_000_000 + 86_400),
        leaf_extensions=(Extension(CERTIFICATE, certificate),) if certificate else (),
        policy=Policy(extensions=KNOWN),
    )


def test_a_key_package_of_another_device_is_not_added() -> None:
    """The server answers a claim for bobby's device with carol's."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice)
    wanted = CommitRequest(request(3), {bobby.id: carol.package()}, (), *clocks(log))
    with pytest.raises(BadPackageError, match="another device"):
        alice.make_commit(ROOM, wanted)


def test_one_expired_key_package_is_named_so_that_the_others_can_be_added() -> None:
    """An expired one the server hands out does not keep everyone else out."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice)
    old = carol.package(at=log.now - 40 * 86_400_000)
    packages = {bobby.id: bobby.package(), carol.id: old}
    signed, _ = alice.evidence(log, [bobby, carol])
    with pytest.raises(BadPackageError) as caught:
        alice.make_commit(
            ROOM,
            CommitRequest(request(3), packages, (), *clocks(log), signed),
        )
    assert set(caught.value.why) == {carol.id}
    del packages[carol.id]
    alice.make_commit(
        ROOM,
        CommitRequest(request(3), packages, (), *clocks(log), signed),
    )


@pytest.mark.parametrize(("days", "why"), [(33, "has expired"), (-3, "is not valid yet")])
def test_a_server_with_a_false_time_adds_no_old_key_package(days: int, why: str) -> None:
    """It says that it is the time of the package: this device's own clock has a say in whom it adds."""
    alice = Device("alice")
    carol = Device("alice", account=alice.account)  # another device of someone who is in: nothing is signed
    log = room_of(alice)
    signed: list[bytes] = []
    package, said, here = carol.package(at=log.now), Millis(log.now), Millis(log.now + days * 86_400_000)
    packages = {carol.id: package}
    with pytest.raises(BadPackageError, match=f"that of alice: it {why} by the clock of this device"):
        alice.make_commit(
            ROOM,
            CommitRequest(request(3), packages, (), said, here, signed),
        )
    here = Millis(log.now + 86_400_000 * (30 if days > 0 else -1))  # wrong, and within a day of it
    alice.make_commit(ROOM, CommitRequest(request(3), packages, (), said, here, signed))


def test_a_device_whose_certificate_has_expired_is_not_added() -> None:
    """Judged by the time of the event, so that all members judge alike."""
    alice, bobby = Device("alice"), Device("bobby")
    carol = Device("carol")
    old = Device("carol", account=carol.account, at=1_790_000_000_000 - YEARS)
    log = room_of(alice, bobby, carol)
    with pytest.raises(BadPackageError, match="expired"):
        alice.stage(log, 3, [old])
    handshake(log, alice, commit_of(alice, log, add_proposal(old.package())), added=(old.id,))
    refused(bobby, log)


def test_a_member_whose_certificate_expires_does_not_break_the_group() -> None:
    """Its own commits are followed still: else time alone would split the room."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.now += YEARS
    alice.commit(log, 3)
    bobby.sync(log)
    agree(log, alice, bobby)
