"""A room's log that was rolled back at the server: the device recreates the group for those who are in."""

import pytest
from tests.client.core.e2ee.group_world import Device, Log, request, room_of

from parlour_client.core.archive import insertion
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group import rollback
from parlour_client.core.e2ee.group.plan import signed
from parlour_client.core.e2ee.group.rollback import RolledBack, is_stranger
from parlour_client.core.model import Note, NoteKind
from parlour_protocol.frames.bodies import Kicked
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.membership import Remove


def roll_back(device: Device, log: Log, shared: int, fork: int) -> None:
    """Let a device find that the server has lost what came after ``shared``."""
    device.run(rollback.rolled_back, device.groups, log.room, Seq(shared), Seq(fork), Millis(log.now))


def kicked(log: Log, by: Device, who: Device, *, is_signed: bool) -> None:
    """Let the log say that someone was removed, whether or not a member has signed it."""
    roster = by.groups.roster(by.connection, log.room)
    assert roster is not None
    removal = Remove(roster.server, log.room, roster.serial, Millis(log.now), who.user)
    statement = StatementBytes(signed(by.own, removal)) if is_signed else None
    event = log.add(by.user, Kicked(who=who.user, members=1, statement=statement))
    who.run(insertion.add, [event], [False], event.seq)
    who.sync(log)


@pytest.mark.parametrize("is_signed", [False, True])
def test_who_was_removed_by_a_member_founds_nothing_and_who_was_not_does(*, is_signed: bool) -> None:
    """The server's word that someone was removed takes no one's turn to bring the room back to work."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    shared = len(log.events)
    kicked(log, alice, bobby, is_signed=is_signed)
    roll_back(bobby, log, shared, shared + 2)
    assert bobby.status(log).again is not is_signed


def test_a_second_rollback_before_the_group_was_recreated_changes_nothing() -> None:
    """Its turn is still to come, though it has no keys of a group any more."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    founding = log.events[1]
    mark = insertion.Annotation(row=True, note=Note(NoteKind.FOUNDED, alice.user))
    bobby.run(insertion.add, [founding], [False], founding.seq, [mark])
    for top in (10, 20):
        roll_back(bobby, log, founding.seq - 1, top)
        assert bobby.groups.roster(bobby.connection, log.room) is None
        assert bobby.status(log).again


def test_nothing_is_encrypted_for_the_group_that_the_server_went_back_to() -> None:
    """It has people in it who were removed since: it is recreated first."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    top = len(log.events)
    roll_back(alice, log, top, top)
    assert alice.groups.stored(alice.connection, log.room).group.epoch == log.epoch  # its keys are still here
    with pytest.raises(NotReadyError, match="must be recreated"):
        alice.seal(log, 10, "hello")


def test_a_group_that_works_is_not_recreated() -> None:
    """Another device was faster, or the log was never rolled back."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    values = log.room, log.kind, log.group, request(9), Millis(log.now)
    with pytest.raises(NotReadyError, match="already has"):
        alice.run(rollback.recreate_group, alice.groups, *values)
    assert alice.groups.roster(alice.connection, log.room) is not None


def test_only_the_people_who_were_known_are_no_strangers() -> None:
    """R36: whom the server has taken back with its older history creates no group that is followed."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    known = RolledBack(due=True, people=frozenset({alice.user, bobby.user}))
    for name, expected in (("alice", False), ("bobby", False), ("carol", True)):
        stranger = is_stranger(alice.connection, log.room, parse_user_name(name), known)
        assert stranger is expected
