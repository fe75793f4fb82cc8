"""Commits in an encrypted room as others make them: what they declare, who made them, and forks."""

import pytest
from tests.client.core.e2ee.group_world import (
    ROOM,
    SERVER,
    Device,
    agree,
    room_of,
)
from tests.client.core.e2ee.hostile_commits import commit_of, handshake, lawless, note_of, refused

from parlour_client.core.e2ee.errors import NotReadyError, RuleBrokenError
from parlour_client.core.e2ee.group import store
from parlour_client.core.e2ee.group.rules import Binding, DeclaredChanges
from parlour_client.core.e2ee.group.store import GroupStatus, ToContest
from parlour_client.core.e2ee.identity.keys import ROOM_BINDING
from parlour_client.core.model import NoteKind
from parlour_mls import (
    GroupContextExtensions,
    LeafChange,
    remove_proposal,
)
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.rooms import RoomKind


def test_members_who_join_and_leave_are_named() -> None:
    """One row a commit, with the users; a commit of fresh keys is not a row."""
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
    assert bobby.status(log).status is GroupStatus.OUTSIDE
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
    """Server or committer may lie: members refuse the commit and report it."""
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


def test_a_groups_binding_cannot_be_changed() -> None:
    """A commit of group context extensions would move the group to another room."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    other = Binding(SERVER, RoomId("another4567890abcdefgh"), RoomKind.PRIVATE)
    handshake(log, alice, commit_of(alice, log, GroupContextExtensions((other.extension,))))
    refused(bobby, log)
    assert other.extension.type == ROOM_BINDING


def test_a_commit_carries_no_proposals_of_others() -> None:
    """No one proposes in Parlour: a removal is declared by who commits it, in the same event."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    groups = [lawless(device, log).group for device in (alice, bobby, carol)]  # type: ignore[attr-defined]
    proposal = groups[2].propose(remove_proposal(1), now=log.now // 1_000)
    groups[0].process(proposal, now=log.now // 1_000)
    message = groups[0].commit(now=log.now // 1_000).message
    rules = carol.groups.stored(carol.connection, log.room).rules
    rules.declared = DeclaredChanges(log.now, (), (bobby.id,))
    groups[2].policy = rules.policy()
    with pytest.raises(RuleBrokenError, match="someone else's"):
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
    assert store.contests(bobby.connection) == [ToContest(ROOM, log.group or GroupId(""), Epoch(2))]
    with pytest.raises(NotReadyError):
        bobby.seal(log, 10, "no")
    log.commit(alice, alice.stage(log, 3))
    bobby.sync(log)
    assert bobby.status(log).status is GroupStatus.ACTIVE
    assert store.contests(bobby.connection) == []


def test_a_contest_that_was_reported_is_not_reported_again() -> None:
    """The caller says so once the server has it."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    handshake(log, alice, commit_of(alice, log, leaf=LeafChange(extensions=())))
    refused(bobby, log)
    bobby.run(store.contested, ROOM)
    assert store.contests(bobby.connection) == []
    log.epoch += 1
    handshake(log, alice, b"what follows")
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert receipt.items[0].trouble
    assert receipt.contest is None
    assert store.contests(bobby.connection) == []


def test_a_second_commit_for_an_epoch_that_is_over_is_refused() -> None:
    """A server that lets two commits win one epoch splits no one off who has one of them."""
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
    assert bobby.status(log).status is GroupStatus.ACTIVE


def test_a_commit_of_another_group_is_reported_and_never_joined() -> None:
    """Neither by a member nor by someone who waits to be added."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [carol])
    handshake(log, alice, body.data, group=GroupId("C" * 43), added=(carol.id,))
    assert note_of(bobby.sync(log)[-1]) is NoteKind.FORGED
    receipt = carol.receive(log.events)
    assert receipt.needs_welcome is None
    assert note_of(receipt.items[-1]) is NoteKind.FORGED


def test_a_changed_key_is_applied_told_and_blocks_sending() -> None:
    """Soft: the commit is followed; nothing is encrypted until the person decides."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    bobby.worry(carol.user, "carol has another key.")
    alice.commit(log, 3, [carol])
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert [(c.user, c.device) for c in receipt.concerns] == [(carol.user, carol.id)]
    assert note_of(receipt.items[0]) is NoteKind.KEY_CHANGED
    assert bobby.status(log).epoch == 2


def test_what_was_refused_pins_no_one() -> None:
    """People are asked about leaves that arrived, not about those that were turned away."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [carol])
    bobby.people.asked.clear()
    handshake(log, alice, body.data, added=())
    refused(bobby, log)
    assert bobby.people.asked == []
