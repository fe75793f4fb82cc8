"""Group creations: in force when the log shows them, one group after another, and never an old one again."""

from dataclasses import replace

import pytest
from tests.client.core.e2ee.group_world import (
    ROOM,
    Device,
    Log,
    agree,
    request,
    room_of,
    sealed_body,
)
from tests.client.core.e2ee.hostile_commits import note_of

from parlour_client.core.archive import own_keys
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group import commit
from parlour_client.core.e2ee.group.store import Groups, GroupStatus, load_room
from parlour_client.core.model import NoteKind
from parlour_protocol.frames.bodies import Contested, GroupCreated
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.rooms import RoomKind


def test_a_device_that_is_not_approved_founds_nothing_and_reads_the_log() -> None:
    """It has no certificate: everyone who adds it would be refused by all."""
    alice, pending = Device("alice"), Device("bobby")
    pending.groups = Groups(replace(pending.own, certificate=None), pending.people.judge)
    log = room_of(alice)
    assert pending.sync(log)
    assert pending.status(log).status is GroupStatus.OUTSIDE
    with pytest.raises(NotReadyError, match="not approved"):
        pending.make_group(
            RoomId("x" * 22),
            RoomKind.PRIVATE,
            request(1),
            Millis(log.now),
        )
    with pytest.raises(NotReadyError):
        pending.seal(log, 10, "no")


def test_the_creation_is_in_force_when_the_log_shows_it() -> None:
    """The same request after a restart; nothing is encrypted before."""
    alice, log = Device("alice"), Log()
    asked = alice.make_group(ROOM, log.kind, request(1), Millis(log.now))
    alice.begin()
    assert commit.pending_creation(alice.connection, ROOM) == asked
    assert alice.make_group(ROOM, log.kind, request(2), Millis(log.now)) == asked
    with pytest.raises(NotReadyError):
        alice.seal(log, 10, "too early")
    log.create_group(alice, asked)
    receipt = alice.receive(log.events)
    assert list(receipt.merged) == [request(1)]
    assert alice.status(log).status is GroupStatus.ACTIVE
    assert commit.pending_creation(alice.connection, ROOM) is None
    alice.say(log, 10, "hello")


def test_who_was_not_first_drops_its_creation() -> None:
    """Two devices of owners found at once; the log decides."""
    alice, bobby, log = Device("alice"), Device("bobby"), Log()
    for device in (alice, bobby):
        device.make_group(ROOM, log.kind, request(1), Millis(log.now))
    alice.create_group(log)
    receipt = bobby.receive(log.events)
    assert list(receipt.lost) == [request(1)]
    assert bobby.status(log).status is GroupStatus.OUTSIDE
    alice.commit(log, 2, [bobby])
    bobby.sync(log)
    agree(log, alice, bobby)


def test_who_was_removed_creates_no_group_for_the_others() -> None:
    """Its device knows the members' list, and is not on it any more."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.commit(log, 3, remove=[bobby])
    bobby.sync(log)
    with pytest.raises(NotReadyError, match="have removed you"):
        bobby.make_group(ROOM, log.kind, request(9), Millis(log.now))


def test_our_creation_in_anothers_name_is_refused() -> None:
    """The server shows our group id as created by someone else."""
    alice, bobby, log = Device("alice"), Device("bobby"), Log()
    asked = alice.make_group(ROOM, log.kind, request(1), Millis(log.now))
    log.add(bobby.user, GroupCreated(group=asked.group, device=bobby.id))
    assert note_of(alice.sync(log)[0]) is NoteKind.FORGED
    assert alice.status(log).status is GroupStatus.NO_GROUP


def test_a_group_is_replaced_only_after_it_was_contested() -> None:
    """Else the server could lead everyone into a new group whenever it liked."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(alice.user, GroupCreated(group=GroupId("B" * 43), device=alice.id, replaces=log.group))
    assert note_of(bobby.sync(log)[0]) is NoteKind.FORGED
    assert bobby.status(log).group == log.group
    with pytest.raises(NotReadyError):
        alice.make_group(ROOM, log.kind, request(9), Millis(log.now))


def test_an_abandoned_group_is_recreated_by_a_device_outside_it() -> None:
    """Its only device was lost, another one creates the room again; no one who holds keys is led off."""
    alice, laptop = Device("alice"), Device("bobby")
    log = room_of(alice)
    laptop.sync(log)
    assert laptop.status(log).status is GroupStatus.OUTSIDE
    asked = laptop.make_group(ROOM, log.kind, request(7), Millis(log.now))
    assert asked.replaces == log.group
    log.create_group(laptop, asked)
    laptop.sync(log)
    assert laptop.status(log).status is GroupStatus.ACTIVE
    assert note_of(alice.sync(log)[-1]) is NoteKind.FORGED


def test_a_contested_group_sends_nothing_and_is_recreated() -> None:
    """What waits is encrypted for the new group; the old group's keys are gone."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    first = alice.seal(log, 10, "waits")
    assert log.group is not None
    log.add(bobby.user, Contested(group=log.group, epoch=Epoch(1)))
    assert note_of(alice.sync(log)[0]) is NoteKind.CONTESTED
    assert alice.status(log).status is GroupStatus.CONTESTED
    with pytest.raises(NotReadyError):
        alice.seal(log, 10, "waits")
    asked = alice.make_group(ROOM, log.kind, request(5), Millis(log.now))
    assert asked.replaces == log.group
    log.create_group(alice, asked)
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
    """Its id is known: a group's creation or a Welcome of it is refused."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    old = log.group
    assert old is not None
    log.add(bobby.user, Contested(group=old, epoch=Epoch(1)))
    alice.sync(log)
    alice.create_group(log, 5)
    bobby.sync(log)
    assert log.group is not None
    log.add(bobby.user, Contested(group=log.group, epoch=Epoch(0)))
    log.add(alice.user, GroupCreated(group=old, device=alice.id, replaces=log.group))
    assert note_of(alice.sync(log)[-1]) is NoteKind.FORGED


def test_a_creation_that_the_server_refuses_is_given_up() -> None:
    """For another reason than that a group is there."""
    alice, log = Device("alice"), Log()
    alice.make_group(ROOM, log.kind, request(1), Millis(log.now))
    alice.run(commit.drop_creation, alice.groups, ROOM)
    assert commit.pending_creation(alice.connection, ROOM) is None


def test_leaving_a_room_forgets_its_keys() -> None:
    """And a device with a new key forgets all groups."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    bobby.run(bobby.groups.leave, ROOM)
    assert bobby.state(log) == ()
    alice.run(own_keys.forget_groups)
    assert alice.state(log) == ()
    assert load_room(alice.connection, ROOM) is not None


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
