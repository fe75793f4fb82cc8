"""Commits of our own: kept before they are sent, merged by the log alone, and made again when they lost."""

import pytest
from tests.client.core.e2ee.group_world import (
    ROOM,
    Device,
    StaleError,
    agree,
    clocks,
    request,
    room_of,
)
from tests.client.core.e2ee.hostile_commits import handshake, note_of

from parlour_client.core.e2ee.errors import MovedError, NotDurableError, NotReadyError
from parlour_client.core.e2ee.group import commit
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_client.core.model import NoteKind
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.rooms import RoomKind


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
    """The same id and bytes; the server stores it once."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [Device("carol")])
    seq = log.commit(alice, body)
    alice.begin()
    staged = commit.staged(alice.connection, ROOM)
    assert staged is not None
    assert staged == body
    assert log.commit(alice, staged) == seq
    alice.sync(log)
    assert commit.staged(alice.connection, ROOM) is None


def test_the_loser_of_a_race_tries_again() -> None:
    """Its commit is dropped when the winner comes by, and made again on the new epoch; no Welcome is sent."""
    alice, bobby, carol, dave = (Device(name) for name in ("alice", "bobby", "carol", "davey"))
    log = room_of(alice, bobby)
    losing, winning = alice.stage(log, 3, [carol]), bobby.stage(log, 4, [dave])
    log.commit(bobby, winning)
    with pytest.raises(StaleError):
        log.commit(alice, losing)
    assert commit.staged(alice.connection, ROOM) is not None
    receipt = alice.receive(log.events[alice.cursor(log) :])
    assert list(receipt.lost) == [request(3)]
    assert commit.staged(alice.connection, ROOM) is None
    again = alice.stage(log, 5, [carol])
    assert (again.added, again.epoch) == ((carol.id,), 2)
    log.commit(alice, again)
    for device in (alice, bobby, carol, dave):
        device.sync(log)
    agree(log, alice, bobby, carol, dave)


def test_a_commit_made_of_what_was_signed_before_another_change_is_made_again() -> None:
    """Its statements may not hold any more: nothing is staged, and the caller looks again."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    statements, _ = alice.evidence(log, remove=[carol])
    bobby.commit(log, 4, [], [carol])
    alice.sync(log)
    wanted = CommitRequest(request(5), {}, [carol.id], *clocks(log), statements)
    with pytest.raises(MovedError, match="not in the room"):
        alice.make_commit(ROOM, wanted)
    assert commit.staged(alice.connection, ROOM) is None


def test_only_one_commit_is_on_its_way() -> None:
    """A second one waits; one that the server refused for good makes room."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.stage(log, 3)
    with pytest.raises(NotReadyError, match="on its way already"):
        alice.stage(log, 4)
    alice.run(commit.drop_staged, alice.groups, ROOM)
    alice.commit(log, 4)
    bobby.sync(log)
    agree(log, alice, bobby)


def test_commits_and_creations_need_a_durable_transaction() -> None:
    """After a power cut the same keys would be used for something else."""
    alice = Device("alice")
    log = room_of(alice)
    wanted = CommitRequest(request(3), {}, (), *clocks(log))
    with pytest.raises(NotDurableError):
        alice.loosely(commit.stage, alice.groups, ROOM, wanted)
    with pytest.raises(NotDurableError):
        alice.loosely(
            commit.create_group, alice.groups, RoomId("x" * 22), RoomKind.PRIVATE, request(1), Millis(log.now)
        )


def test_a_device_outside_the_group_is_left_alone() -> None:
    """The server's list may be older than the group."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3, [bobby], [carol, alice])
    assert (body.added, body.removed, body.welcome, body.tree) == ((), (), None, None)
