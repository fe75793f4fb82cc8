"""Rooms with post-quantum keys: made, entered, left out of, and never recreated with weaker keys."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.group_world import ROOM, Device, Log, agree, room_of
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.memory_server import Room
from tests.client.core.e2ee.test_chat import GARDEN, texts
from tests.mls.mls_world import LIFETIME, NOW, World

from parlour_client.core.client import Client
from parlour_client.core.e2ee.errors import JoinRefusedError
from parlour_client.core.e2ee.group import store
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.e2ee.identity.keys import KNOWN
from parlour_client.core.e2ee.keep import reconcile
from parlour_client.core.e2ee.values import KEYS, RoomState
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import SetupError
from parlour_mls import CLASSIC, HYBRID, Extension, Policy, add_proposal, suite_of
from parlour_protocol.frames import RoomSummary
from parlour_protocol.frames.bodies import Contested, Handshake
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import new_incarnation
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import (
    CERTIFICATE_BYTES,
    HANDSHAKE_BYTES,
    HYBRID_DEVICES,
    TREE_BYTES,
    WELCOME_BYTES,
)
from parlour_protocol.rooms import RoomKind, RoomSuite


async def made(client: Client) -> RoomId:
    """Make a room with post-quantum keys."""
    room = await client.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True, suite=RoomSuite.X_WING)
    return room.id


def test_the_suites_of_rooms_are_those_of_the_engine() -> None:
    """The numbers on the wire and the engine's are the same, and so is their order."""
    assert [suite_of(suite) for suite in RoomSuite] == [CLASSIC, HYBRID]
    assert RoomSuite.X_WING > RoomSuite.X25519


async def test_people_talk_in_it_and_see_what_it_is(harness: Harness) -> None:
    """Created, invited, said and answered; every device's report and label say what the keys are worth."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = await made(ana)
    await harness.invite(ana, room, BEN)
    await harness.quiet()
    for client, words in ((ana, "hello"), (ben, "answer")):
        await client.messages.send(room, words)
        await harness.until(lambda: not parts(client).outbox.unsent(room))  # noqa: B023 - awaited at once
        await harness.quiet()
    assert await texts(ana, room) == ["hello", "answer"] == await texts(ben, room)
    for client, other_name in ((ana, "ben"), (ben, "ana")):
        report = await client.encryption.report(room)
        assert (report.state, report.suite) == (RoomState.ACTIVE, RoomSuite.X_WING)
        assert report.keys == KEYS[RoomSuite.X_WING]
        assert report.label == f"Encrypted (post-quantum) · {other_name} not verified"
    other = await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)
    await harness.quiet()
    report = await ana.encryption.report(other.id)
    assert (report.suite, report.label) == (RoomSuite.X25519, "Encrypted · no one else here")


async def test_a_direct_room(harness: Harness) -> None:
    """The same between two people; one that is there already keeps what it has, and the person is told."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    await harness.open(EVE)
    room = (await ana.rooms.open_direct(BEN, suite=RoomSuite.X_WING)).id
    assert (await ben.rooms.open_direct(ANA)).id == room
    await harness.quiet()
    assert (await ben.encryption.report(room)).suite is RoomSuite.X_WING
    await encrypted_rooms(ana).reconciler.renew(room)
    newest = harness.server.rooms[room].log[-1].body
    assert isinstance(newest, Handshake)
    assert len(newest.data) < 6_000
    await ana.rooms.open_direct(EVE)
    with pytest.raises(EncryptionError, match="was created without"):
        await ana.rooms.open_direct(EVE, suite=RoomSuite.X_WING)


async def test_after_a_restore_all_key_packages_are_replaced(harness: Harness) -> None:
    """Of both suites: what a restored server has may have been used before."""
    ana = await harness.open(ANA)
    device = harness.server.devices[ana.encryption.own().device]
    before = {*device.packages, *device.hybrid, device.last_resort, device.hybrid_last_resort}
    await harness.close(ana)
    harness.server.incarnation = new_incarnation()
    await harness.open(ANA)
    await harness.until(lambda: before.isdisjoint([*device.packages, *device.hybrid]))
    assert before.isdisjoint([device.last_resort, device.hybrid_last_resort])
    assert (len(device.packages), len(device.hybrid)) == (50, 16)


async def test_a_device_without_such_key_packages_is_left_out_with_words(harness: Harness) -> None:
    """An older Parlour brings none: it is not in the group, everyone sees why, and others are added."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    await harness.open(EVE)
    device = harness.server.devices[ben.encryption.own().device]
    device.hybrid, device.hybrid_last_resort = [], None
    room = await made(ana)
    await harness.invite(ana, room, BEN)
    await harness.invite(ana, room, EVE)
    await ana.encryption.settle(room)
    report = await ana.encryption.report(room)
    assert {member.user for member in report.members} == {ANA, EVE}
    assert list(report.without_device) == [BEN]
    assert "no key package for post-quantum rooms" in report.problem


async def test_a_group_holds_so_many_devices(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit has to fit: who comes after that is left out with words."""
    ana = await harness.open(ANA)
    for user in (BEN, EVE):
        await harness.open(user)
    monkeypatch.setattr(reconcile, "HYBRID_DEVICES", replace(reconcile.HYBRID_DEVICES, value=2))
    room = await made(ana)
    await harness.invite(ana, room, BEN)
    await ana.encryption.settle(room)
    await harness.invite(ana, room, EVE)
    await ana.encryption.settle(room)
    report = await ana.encryption.report(room)
    assert {member.user for member in report.members} == {ANA, BEN}
    assert "a post-quantum room holds" in report.problem


async def test_an_installation_without_ml_kem(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has key packages of suite 3, talks in such rooms, and says what it cannot do."""
    monkeypatch.setattr(type(HYBRID.kem), "available", lambda _: False)
    ana = await harness.open(ANA)
    device = harness.server.devices[ana.encryption.own().device]
    assert (len(device.packages), device.hybrid) == (50, [])
    package = add_proposal(device.packages[0]).key_package
    assert package.leaf_node.capabilities.cipher_suites == (CLASSIC.number,)
    with pytest.raises(SetupError, match="no ML-KEM"):
        await made(ana)
    assert not harness.server.rooms


async def test_a_server_that_makes_a_weaker_room_gets_no_keys(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is told at once, and this device creates no group for what the server made."""
    ana, real = await harness.open(ANA), harness.server.summary

    def weaker(room: Room, user: UserName) -> RoomSummary:
        return structs.replace(real(room, user), suite=RoomSuite.X25519)

    monkeypatch.setattr(harness.server, "summary", weaker)
    with pytest.raises(EncryptionError, match="without post-quantum keys"):
        await made(ana)
    for _ in range(100):
        harness.clock.advance(1)
        await harness.threads.rest()
    assert [room.group for room in harness.server.rooms.values()] == [None]


def test_the_largest_commit_fits() -> None:
    """At its worst a full room's tree is blank, and each path secret goes to everyone one by one."""
    world = World(suite=HYBRID)
    extension = Extension(0xF0C1, bytes(CERTIFICATE_BYTES.value))
    policy = Policy(extensions=KNOWN)

    def package(number: int) -> bytes:
        device = world.device(f"member {number} of a room")
        return device.store.create(
            device.credential,
            device.signer,
            LIFETIME,
            suite=HYBRID,
            leaf_extensions=(extension,),
            policy=policy,
        )

    founder = world["m0"]
    most = HYBRID_DEVICES.value - 1
    for start in range(0, most, reconcile._HYBRID_ADDS):
        packages = [package(number) for number in range(start, min(most, start + reconcile._HYBRID_ADDS))]
        staged = founder.commit([add_proposal(one) for one in packages], now=NOW)
        founder.merge_pending_commit()
        assert len(staged.message) < HANDSHAKE_BYTES.value
        assert len(staged.welcome or b"") < WELCOME_BYTES.value
    assert len(founder.commit(now=NOW).message) < HANDSHAKE_BYTES.value
    assert len(founder.ratchet_tree()) < TREE_BYTES.value


def test_it_is_recreated_with_the_same_keys(tmp_path: Path) -> None:
    """After a contest and a restart: the pin is in the archive."""
    alice, bobby = Device("alice", path=tmp_path / "alice"), Device("bobby")
    log = contested(alice, bobby)
    alice.reopen()
    alice.create_group(log, 5)
    alice.commit(log, 6, [bobby])
    bobby.sync(log)
    agree(log, alice, bobby)
    assert {alice.status(log).suite, bobby.status(log).suite} == {RoomSuite.X_WING}


def test_a_weaker_group_in_its_place_is_refused() -> None:
    """A member's device, or one that the server talked into it, cannot lead the others into suite 3."""
    alice, bobby = Device("alice"), Device("bobby")
    log = contested(alice, bobby)
    alice.run(lambda connection: connection.execute("UPDATE mls_rooms SET suite = 3"))
    alice.suite = bobby.suite = CLASSIC
    alice.create_group(log, 5)
    assert alice.status(log).suite is RoomSuite.X25519
    alice.commit(log, 6, [bobby])
    with pytest.raises(JoinRefusedError, match="does without"):
        bobby.sync(log)
    assert bobby.status(log).status is GroupStatus.OUTSIDE


def test_what_the_server_says_of_a_room_counts_only_before_there_is_a_group() -> None:
    """Later it could lock members out of their room by it; and it never lowers what was pinned."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.run(store.pin, ROOM, RoomSuite.X_WING)
    assert store.pinned_suite(alice.connection, ROOM) is RoomSuite.X25519
    carol = Device("carol")
    for suite in (RoomSuite.X_WING, RoomSuite.X25519):
        carol.run(store.pin, ROOM, suite)
    assert store.pinned_suite(carol.connection, ROOM) is RoomSuite.X_WING
    del log


def contested(*devices: Device) -> Log:
    """Make a post-quantum room of these devices, whose group was contested."""
    log = room_of(*devices, suite=RoomSuite.X_WING)
    assert {device.status(log).suite for device in devices} == {RoomSuite.X_WING}
    assert log.group is not None
    log.add(devices[-1].user, Contested(group=log.group, epoch=Epoch(1)))
    for device in devices:
        device.sync(log)
    return log
