"""Commits in an encrypted room: declared changes, races, forks, foundings, and leaves that lie."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest
from tests.client.core.e2ee.vault_world import (
    PHONE,
    ROOM,
    SERVER,
    START,
    Device,
    Log,
    StaleError,
    agree,
    request,
    room_of,
    sealed_body,
)

from parlour_client.core.e2ee import packages
from parlour_client.core.e2ee.commit import Wanted
from parlour_client.core.e2ee.extensions import CERTIFICATE, KNOWN, ROOM_BINDING
from parlour_client.core.e2ee.keys import AccountKey, DeviceKey
from parlour_client.core.e2ee.refusals import BadPackageError, NotDurableError, NotReadyError, RuleBrokenError
from parlour_client.core.e2ee.report import Stand
from parlour_client.core.e2ee.results import Received, ToContest
from parlour_client.core.e2ee.rules import Binding, Declared, Judge
from parlour_client.core.e2ee.vault import Vault
from parlour_client.core.model import NoteKind
from parlour_protocol.delivery import Commit
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.frames.bodies import Contested, Founded, Handshake
from parlour_protocol.frames.opaque import HandshakeBytes
from parlour_protocol.ids import Epoch, GroupId, Millis, RoomId
from parlour_protocol.mls import (
    CommitOptions,
    Credential,
    Extension,
    GroupContextExtensions,
    KeyPackageStore,
    LeafChange,
    Lifetime,
    Policy,
    SigningKey,
    add_proposal,
    remove_proposal,
)
from parlour_protocol.names import parse_user_name

YEARS = 6 * 365 * 86_400_000


def note_of(item: Received) -> NoteKind | None:
    """Return the kind of a row's note."""
    return None if item.note is None else item.note.kind


def changed(body: Commit, **fields: object) -> Commit:
    """Return a request with other fields."""
    return msgspec.structs.replace(body, **fields)


def handshake(log: Log, device: Device, data: bytes, **more: object) -> Handshake:
    """Append a commit as a hostile member and server have it."""
    assert log.group is not None
    body = Handshake(group=log.group, epoch=Epoch(log.epoch), data=HandshakeBytes(data))
    body = msgspec.structs.replace(body, **more)
    log.add(device.user, body)
    return body


def lawless(device: Device, log: Log) -> "Device":
    """Return the device with an engine that keeps none of Parlour's rules."""
    held = device.vault.held(device.connection, log.room)
    held.group.policy = Policy(extensions=KNOWN, validate_successor=lambda _old, _new: None)
    device.group = held.group  # type: ignore[attr-defined]
    return device


def commit_of(device: Device, log: Log, *proposals: object, leaf: LeafChange | None = None) -> bytes:
    """Return a commit that breaks rules."""
    group = lawless(device, log).group  # type: ignore[attr-defined]
    options = CommitOptions() if leaf is None else CommitOptions(leaf=leaf)
    message: bytes = group.commit(proposals, now=log.now // 1_000, options=options).message
    return message


def refused(device: Device, log: Log) -> Received:
    """Require that the newest commit is refused and to be contested, the group being as it was."""
    before = device.state(log)
    receipt = device.receive(log.events[device.cursor(log) :])
    assert device.state(log)[0][0] == before[0][0]  # type: ignore[index]
    assert receipt.contest == ToContest(log.group or GroupId(""), Epoch(log.epoch + 1))
    assert device.status(log).stand is Stand.REFUSED
    item = receipt.items[-1]
    assert note_of(item) is NoteKind.CONTESTED
    assert item.row
    assert item.trouble
    return item


def test_who_came_and_went_is_told() -> None:
    """One row a commit, with the users; a commit of fresh keys is no row."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    alice.commit(log, 3, [carol])
    item = bobby.sync(log)[0]
    assert item.note is not None
    assert (item.note.kind, item.note.user, item.sealed) == (NoteKind.DEVICE_ADDED, carol.user, True)
    alice.commit(log, 4, [], [carol])
    item = bobby.sync(log)[0]
    assert item.note is not None
    assert (item.note.kind, item.note.user) == (NoteKind.DEVICE_REMOVED, carol.user)
    bobby.commit(log, 5)
    assert [item.row for item in alice.sync(log)] == [False]
    agree(log, alice, bobby)


def test_a_removed_device_forgets_its_keys_and_reads_nothing() -> None:
    """It is told so; what is sent afterwards is a row that says why."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.commit(log, 3, [], [bobby])
    alice.say(log, 10, "CANARY")
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert receipt.removed
    assert note_of(receipt.items[0]) is NoteKind.DEVICE_REMOVED
    assert receipt.items[1].trouble
    assert bobby.state(log) == ()
    assert bobby.status(log).stand is Stand.OUTSIDE
    with pytest.raises(NotReadyError):
        bobby.seal(log, 11, "let me")


def test_a_device_that_was_removed_joins_again() -> None:
    """With a new Welcome, at a later epoch of the same group."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.commit(log, 3, [], [bobby])
    alice.commit(log, 4, [bobby])
    bobby.sync(log)
    agree(log, alice, bobby)


@pytest.mark.parametrize("what", ["hidden addition", "hidden removal", "claimed removal", "other addition"])
def test_a_commit_that_does_not_do_what_it_declares_is_refused(what: str) -> None:
    """Whoever of server and committer lies: members refuse it and report it."""
    alice, bobby, carol, dave = (Device(name) for name in ("alice", "bobby", "carol", "davey"))
    log = room_of(alice, bobby, carol)
    body = alice.stage(
        log, 3, [dave] if "addition" in what else [], [carol] if what == "hidden removal" else []
    )
    lies: dict[str, dict[str, object]] = {
        "hidden addition": {"added": ()},
        "hidden removal": {"removed": ()},
        "claimed removal": {"removed": (carol.id,)},
        "other addition": {"added": (Device("eve").id,)},
    }
    handshake(log, alice, body.data, **{"added": body.added, "removed": body.removed, **lies[what]})
    refused(bobby, log)


def test_ones_own_commit_is_not_taken_when_the_server_changed_what_it_says() -> None:
    """The same bytes, but the event declares a removal that was never asked for."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3)
    before = alice.state(log)
    handshake(log, alice, body.data, removed=(bobby.id,))
    assert note_of(alice.sync(log)[0]) is NoteKind.FORGED
    assert alice.state(log) == before


def test_ones_own_commit_in_anothers_name_is_not_taken() -> None:
    """The server says that bobby made it."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3)
    handshake(log, bobby, body.data)
    assert note_of(alice.sync(log)[0]) is NoteKind.FORGED


def test_anothers_commit_in_a_third_name_is_followed_and_told() -> None:
    """The change is genuine; who made it is what MLS says."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    body = alice.stage(log, 3)
    handshake(log, bobby, body.data)
    item = carol.sync(log)[0]
    assert note_of(item) is NoteKind.FORGED
    assert item.note is not None
    assert item.note.user == alice.user
    assert carol.status(log).epoch == 2


def broken(certificate: bytes) -> bytes:
    """Flip a bit in its signature."""
    return certificate[:-40] + bytes([certificate[-40] ^ 1]) + certificate[-39:]


def _stranger(name: str, device: Device) -> LeafChange:
    """Claim to be somebody else by the credential alone."""
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
    """Refused by who is to add it, naming the device; and by everybody when somebody does."""
    alice, bobby, ghost = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    package = _ghostly(ghost, what)
    wanted = Wanted(request(3), "test", {ghost.id: package}, (), Millis(log.now))
    before = alice.state(log)
    with pytest.raises(BadPackageError) as caught:
        alice.run(alice.vault.stage, ROOM, wanted)
    assert caught.value.devices == (ghost.id,)
    assert alice.state(log) == before
    handshake(log, alice, commit_of(alice, log, add_proposal(package)), added=(ghost.id,))
    refused(bobby, log)


def _ghostly(ghost: Device, what: str) -> bytes:
    """Make a key package of a ghost device, with a store that keeps no rules."""
    signer, credential, certificate = ghost.key.signer, ghost.own.credential, ghost.certificate
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
    wanted = Wanted(request(3), "test", {bobby.id: carol.package()}, (), Millis(log.now))
    with pytest.raises(BadPackageError, match="another device"):
        alice.run(alice.vault.stage, ROOM, wanted)


def test_one_expired_key_package_is_named_so_that_the_others_can_be_added() -> None:
    """An expired one the server hands out does not keep everybody else out."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice)
    old = carol.package(at=log.now - 40 * 86_400_000)
    packages = {bobby.id: bobby.package(), carol.id: old}
    with pytest.raises(BadPackageError) as caught:
        alice.run(alice.vault.stage, ROOM, Wanted(request(3), "test", packages, (), Millis(log.now)))
    assert caught.value.devices == (carol.id,)
    del packages[carol.id]
    alice.run(alice.vault.stage, ROOM, Wanted(request(3), "test", packages, (), Millis(log.now)))


def test_a_device_whose_certificate_has_expired_is_not_added() -> None:
    """Judged by the time of the event, so that all members judge alike."""
    alice, bobby = Device("alice"), Device("bobby")
    old = Device("carol", at=1_790_000_000_000 - YEARS)
    log = room_of(alice, bobby)
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


def test_a_groups_binding_cannot_be_changed() -> None:
    """A commit of group context extensions would move the group to another room."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    other = Binding(SERVER, RoomId("another4567890abcdefgh"), RoomKind.PRIVATE)
    handshake(log, alice, commit_of(alice, log, GroupContextExtensions(other.extensions())))
    refused(bobby, log)
    assert other.extensions()[0].type == ROOM_BINDING


def test_a_commit_carries_no_proposals_of_others() -> None:
    """Nobody proposes in Parlour: a removal is declared by who commits it, in the same event."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    groups = [lawless(device, log).group for device in (alice, bobby, carol)]  # type: ignore[attr-defined]
    proposal = groups[2].propose(remove_proposal(1), now=log.now // 1_000)
    groups[0].process(proposal, now=log.now // 1_000)
    message = groups[0].commit(now=log.now // 1_000).message
    judge = Judge(SERVER)
    judge.declared = Declared(log.now, (), (bobby.id,))
    groups[2].policy = judge.policy()
    with pytest.raises(RuleBrokenError, match="somebody else"):
        groups[2].process(message, now=log.now // 1_000)


def test_what_is_no_commit_is_refused() -> None:
    """A proposal, or a message, where the server counted a commit."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    group = lawless(alice, log).group  # type: ignore[attr-defined]
    proposal = group.propose(remove_proposal(2), now=log.now // 1_000)
    handshake(log, alice, proposal, removed=(carol.id,))
    refused(bobby, log)
    handshake(log, alice, alice.seal(log, 10, "hello").data)
    refused(carol, log)


def test_a_commit_for_a_later_epoch_is_refused_and_reported() -> None:
    """Commits in between were withheld: this device cannot follow."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3)
    handshake(log, alice, body.data, epoch=Epoch(5))
    log.epoch = 5
    refused(bobby, log)


def test_who_was_refused_a_commit_follows_the_genuine_one() -> None:
    """A bad commit that the server slipped in for one member alone does no lasting harm."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    bad = commit_of(alice, log, leaf=LeafChange(extensions=()))
    handshake(log, alice, bad)
    refused(bobby, log)
    assert bobby.vault.contests(bobby.connection) == [(ROOM, ToContest(log.group or GroupId(""), Epoch(2)))]
    with pytest.raises(NotReadyError):
        bobby.seal(log, 10, "no")
    log.commit(alice, alice.stage(log, 3))
    bobby.sync(log)
    assert bobby.status(log).stand is Stand.ACTIVE
    assert bobby.vault.contests(bobby.connection) == []


def test_a_contest_that_was_reported_is_not_reported_again() -> None:
    """The caller says so once the server has it."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    handshake(log, alice, commit_of(alice, log, leaf=LeafChange(extensions=())))
    refused(bobby, log)
    bobby.run(bobby.vault.contested, ROOM)
    assert bobby.vault.contests(bobby.connection) == []
    log.epoch += 1
    handshake(log, alice, b"what follows")
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert receipt.items[0].trouble
    assert receipt.contest is None
    assert bobby.vault.contests(bobby.connection) == []


def test_a_second_commit_for_an_epoch_that_is_over_is_refused() -> None:
    """A server that lets two commits win one epoch splits nobody off who has one of them."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    first, second = alice.stage(log, 3), bobby.stage(log, 4)
    log.commit(alice, first)
    carol.sync(log)
    before = carol.state(log)
    handshake(log, bobby, second.data, epoch=Epoch(1))
    assert note_of(carol.sync(log)[0]) is NoteKind.FORGED
    assert carol.state(log) == before


def test_a_commit_damaged_anywhere_is_refused_in_words() -> None:
    """Nothing else than a refusal comes of it, and the genuine one is followed afterwards."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3)
    data = bytes(body.data)
    for at in range(0, len(data), 9):
        for bad in (data[:at] or b"\0", data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]):
            handshake(log, alice, bad)
    items = bobby.sync(log)
    assert all(item.note is not None and item.row for item in items)
    log.commit(alice, body)
    bobby.sync(log)
    assert bobby.status(log).stand is Stand.ACTIVE


def test_a_device_that_is_not_approved_founds_nothing_and_reads_the_log() -> None:
    """It has no certificate: whoever let it in would be refused by all."""
    alice, pending = Device("alice"), Device("bobby")
    pending.vault = Vault(replace(pending.own, leaf_extensions=()), pending.people, cast("Any", packages))
    log = room_of(alice)
    assert pending.sync(log)
    assert pending.status(log).stand is Stand.OUTSIDE
    with pytest.raises(NotReadyError, match="not approved"):
        pending.run(pending.vault.found, RoomId("x" * 22), RoomKind.PRIVATE, request(1), Millis(log.now))
    with pytest.raises(NotReadyError):
        pending.seal(log, 10, "no")


def test_a_commit_of_another_group_is_told_and_never_joined() -> None:
    """Neither by a member nor by somebody who waits to be let in."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [carol])
    handshake(log, alice, body.data, group=GroupId("C" * 43), added=(carol.id,))
    assert note_of(bobby.sync(log)[-1]) is NoteKind.FORGED
    receipt = carol.receive(log.events)
    assert receipt.needs_welcome is None
    assert note_of(receipt.items[-1]) is NoteKind.FORGED


def test_an_own_commit_is_merged_by_its_event_alone_and_once() -> None:
    """Amethyst #2471: echoed after a restart it was applied twice and forked the group."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3)
    assert alice.status(log).epoch == 1
    log.commit(alice, body)
    assert alice.status(log).epoch == 1  # the server's answer moves nothing
    alice.begin()
    receipt = alice.receive(log.events[alice.cursor(log) :])
    assert list(receipt.merged) == [request(3)]
    handshake(log, alice, body.data, epoch=Epoch(2))
    before = alice.state(log)
    assert note_of(alice.sync(log)[0]) is NoteKind.FORGED
    assert alice.state(log) == before
    bobby.sync(log)
    agree(log, alice, bobby)


def test_a_staged_commit_is_the_same_request_after_a_restart() -> None:
    """Id, bytes and purpose; the server stores it once."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [Device("carol")])
    seq = log.commit(alice, body)
    alice.begin()
    staged = alice.vault.staged(alice.connection, ROOM)
    assert staged is not None
    assert (staged.request, staged.purpose, staged.body) == (request(3), "test", body)
    assert log.commit(alice, staged.body) == seq
    alice.sync(log)
    assert alice.vault.staged(alice.connection, ROOM) is None


def test_the_loser_of_a_race_is_told_and_tries_again() -> None:
    """Its commit is dropped when the winner comes by, and made anew on the new epoch; no Welcome is sent."""
    alice, bobby, carol, dave = (Device(name) for name in ("alice", "bobby", "carol", "davey"))
    log = room_of(alice, bobby)
    losing, winning = alice.stage(log, 3, [carol]), bobby.stage(log, 4, [dave])
    log.commit(bobby, winning)
    with pytest.raises(StaleError):
        log.commit(alice, losing)
    assert alice.vault.staged(alice.connection, ROOM) is not None
    receipt = alice.receive(log.events[alice.cursor(log) :])
    assert list(receipt.lost) == [request(3)]
    assert alice.vault.staged(alice.connection, ROOM) is None
    again = alice.run(alice.vault.retry, ROOM, request(5), "test", Millis(log.now))
    assert again is not None
    assert (again.added, again.epoch) == ((carol.id,), 2)
    log.commit(alice, again)
    for device in (alice, bobby, carol, dave):
        device.sync(log)
    agree(log, alice, bobby, carol, dave)


def test_a_lost_commit_whose_work_is_done_is_not_tried_again() -> None:
    """The winner has removed the same device."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    alice.stage(log, 3, [], [carol])
    bobby.commit(log, 4, [], [carol])
    alice.sync(log)
    assert alice.run(alice.vault.retry, ROOM, request(5), "test", Millis(log.now)) is None


def test_only_one_commit_is_on_its_way() -> None:
    """A second one waits; one that the server refused for good makes room."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.stage(log, 3)
    with pytest.raises(NotReadyError, match="on its way already"):
        alice.stage(log, 4)
    alice.run(alice.vault.drop_staged, ROOM)
    alice.commit(log, 4)
    bobby.sync(log)
    agree(log, alice, bobby)


def test_commits_and_foundings_need_a_durable_transaction() -> None:
    """After a power cut the same keys would be used for something else."""
    alice = Device("alice")
    log = room_of(alice)
    wanted = Wanted(request(3), "test", {}, (), Millis(log.now))
    with pytest.raises(NotDurableError):
        alice.loosely(alice.vault.stage, ROOM, wanted)
    with pytest.raises(NotDurableError):
        alice.loosely(alice.vault.found, RoomId("x" * 22), RoomKind.PRIVATE, request(1), Millis(log.now))


def test_whoever_is_not_in_the_group_or_is_removed_already_is_left_alone() -> None:
    """The server's list may be older than the group."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [bobby], [carol, alice])
    assert (body.added, body.removed, body.welcome, body.tree) == ((), (), None, None)


def test_a_changed_key_is_applied_told_and_blocks_sending() -> None:
    """Soft: the commit is followed; nothing is sealed until the person decides."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    bobby.people.worry(carol.user, "carol has another key.")
    alice.commit(log, 3, [carol])
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert [(c.user, c.device) for c in receipt.concerns] == [(carol.user, carol.id)]
    assert note_of(receipt.items[0]) is NoteKind.KEY_CHANGED
    assert bobby.status(log).epoch == 2


def test_what_was_refused_pins_nobody() -> None:
    """People are asked about leaves that came in, not about those that were turned away."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [carol])
    bobby.people.asked.clear()
    handshake(log, alice, body.data, added=())
    refused(bobby, log)
    assert bobby.people.asked == []


# --- foundings


def test_the_founding_is_in_force_when_the_log_shows_it() -> None:
    """The same request after a restart; nothing is sealed before."""
    alice, log = Device("alice"), Log()
    asked = alice.run(alice.vault.found, ROOM, log.kind, request(1), Millis(log.now))
    alice.begin()
    assert alice.vault.founding(alice.connection, ROOM) == asked
    assert alice.run(alice.vault.found, ROOM, log.kind, request(2), Millis(log.now)) == asked
    with pytest.raises(NotReadyError):
        alice.seal(log, 10, "too early")
    log.found(alice, asked)
    receipt = alice.receive(log.events)
    assert list(receipt.merged) == [request(1)]
    assert alice.status(log).stand is Stand.ACTIVE
    assert alice.vault.founding(alice.connection, ROOM) is None
    alice.say(log, 10, "hello")


def test_who_was_not_first_drops_its_founding() -> None:
    """Two devices of owners found at once; the log decides."""
    alice, bobby, log = Device("alice"), Device("bobby"), Log()
    for device in (alice, bobby):
        device.run(device.vault.found, ROOM, log.kind, request(1), Millis(log.now))
    alice.found(log)
    receipt = bobby.receive(log.events)
    assert list(receipt.lost) == [request(1)]
    assert bobby.status(log).stand is Stand.OUTSIDE
    alice.commit(log, 2, [bobby])
    bobby.sync(log)
    agree(log, alice, bobby)


def test_our_founding_in_anothers_name_is_refused() -> None:
    """The server shows our group id as founded by somebody else."""
    alice, bobby, log = Device("alice"), Device("bobby"), Log()
    asked = alice.run(alice.vault.found, ROOM, log.kind, request(1), Millis(log.now))
    log.add(bobby.user, Founded(group=asked.group, device=bobby.id))
    assert note_of(alice.sync(log)[0]) is NoteKind.FORGED
    assert alice.status(log).stand is Stand.UNFOUNDED


def test_a_group_is_replaced_only_after_it_was_contested() -> None:
    """Else the server could lead everybody into a new group whenever it liked."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(alice.user, Founded(group=GroupId("B" * 43), device=alice.id, replaces=log.group))
    assert note_of(bobby.sync(log)[0]) is NoteKind.FORGED
    assert bobby.status(log).group == log.group
    with pytest.raises(NotReadyError):
        alice.run(alice.vault.found, ROOM, log.kind, request(9), Millis(log.now))


def test_an_abandoned_group_is_founded_anew_by_who_is_not_in_it() -> None:
    """Its only device was lost, another one founds the room again; nobody who holds keys is led off."""
    alice, laptop = Device("alice"), Device("bobby")
    log = room_of(alice)
    laptop.sync(log)
    assert laptop.status(log).stand is Stand.OUTSIDE
    asked = laptop.run(laptop.vault.found, ROOM, log.kind, request(7), Millis(log.now))
    assert asked.replaces == log.group
    log.found(laptop, asked)
    laptop.sync(log)
    assert laptop.status(log).stand is Stand.ACTIVE
    assert note_of(alice.sync(log)[-1]) is NoteKind.FORGED


def test_a_contested_group_sends_nothing_and_is_founded_anew() -> None:
    """What waits is sealed for the new group; the old group's keys are gone."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    first = alice.seal(log, 10, "waits")
    assert log.group is not None
    log.add(bobby.user, Contested(group=log.group, epoch=Epoch(1)))
    assert note_of(alice.sync(log)[0]) is NoteKind.CONTESTED
    assert alice.status(log).stand is Stand.CONTESTED
    with pytest.raises(NotReadyError):
        alice.seal(log, 10, "waits")
    asked = alice.run(alice.vault.found, ROOM, log.kind, request(5), Millis(log.now))
    assert asked.replaces == log.group
    log.found(alice, asked)
    alice.sync(log)
    alice.commit(log, 6, [bobby])
    bobby.sync(log)
    agree(log, alice, bobby)
    again = alice.seal(log, 10, "waits")
    assert (again.group, again.data != first.data) == (asked.group, True)
    log.send(alice, again)
    assert bobby.sync(log)[-1].trouble == ""
    log.add(alice.user, sealed_body(first))
    assert note_of(bobby.sync(log)[-1]) is NoteKind.FORGED


def test_a_group_that_was_replaced_never_comes_back() -> None:
    """Its id is known: a founding or a Welcome of it is refused."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    old = log.group
    assert old is not None
    log.add(bobby.user, Contested(group=old, epoch=Epoch(1)))
    alice.sync(log)
    alice.found(log, 5)
    bobby.sync(log)
    assert log.group is not None
    log.add(bobby.user, Contested(group=log.group, epoch=Epoch(0)))
    log.add(alice.user, Founded(group=old, device=alice.id, replaces=log.group))
    assert note_of(alice.sync(log)[-1]) is NoteKind.FORGED


def test_a_founding_that_the_server_refuses_is_given_up() -> None:
    """For another reason than that a group is there."""
    alice, log = Device("alice"), Log()
    alice.run(alice.vault.found, ROOM, log.kind, request(1), Millis(log.now))
    alice.run(alice.vault.drop_founding, ROOM)
    assert alice.vault.founding(alice.connection, ROOM) is None


def test_leaving_a_room_forgets_its_keys() -> None:
    """And a device with a new key forgets all groups."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    bobby.run(bobby.vault.leave, ROOM)
    assert bobby.state(log) == ()
    alice.run(alice.vault.forget_device)
    assert alice.state(log) == ()
    assert alice.vault.is_encrypted(alice.connection, ROOM)


def test_the_digits_of_the_epoch_are_thirty_and_equal() -> None:
    """Equal for members of one group and epoch, others elsewhere."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    agree(log, alice, bobby)
    first = alice.status(log).authenticator
    assert [len(part) for part in first.split()] == [5] * 6
    alice.commit(log, 3)
    assert alice.status(log).authenticator != first
    assert {member.user for member in alice.status(log).members} == {alice.user, bobby.user}
    assert replace(alice.status(log), sent=3).sent == 3
