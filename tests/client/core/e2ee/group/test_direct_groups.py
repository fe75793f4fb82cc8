"""A direct room is between two, for ever: no one follows a commit that adds a third person."""

import pytest
from tests.client.core.e2ee.group_world import ROOM, Device, room_of
from tests.client.core.e2ee.hostile_commits import commit_of, handshake

from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_mls import add_proposal
from parlour_protocol.kit.ids import Millis
from parlour_protocol.membership import Execution, NotAllowedError
from parlour_protocol.rooms import RoomKind


def test_a_third_person_is_let_into_no_direct_room() -> None:
    """A client that keeps no rules adds carol: bobby stays where he is, and carol does not come in."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, kind=RoomKind.DIRECT)
    package = carol.package()
    handshake(log, alice, commit_of(alice, log, add_proposal(package)), added=(carol.id,))
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert "a device of carol, whom no member admitted" in receipt.items[-1].trouble
    assert receipt.contest is not None
    assert bobby.status(log).status is GroupStatus.REFUSED
    assert len(bobby.status(log).members) == 2
    roster = alice.groups.roster(alice.connection, ROOM)
    assert roster is not None
    admission, _ = alice.admitted(roster, carol, log)
    execution = Execution(Millis(log.now), alice.user, [alice.id, bobby.id], lambda *_: True)
    with pytest.raises(NotAllowedError, match="two people"):
        roster.applied(admission, execution)


def test_a_second_device_of_the_two_is() -> None:
    """The rule counts people, not devices."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby, kind=RoomKind.DIRECT)
    phone = Device("bobby", account=bobby.account)
    alice.commit(log, 5, [phone])
    bobby.sync(log)
    assert len(bobby.status(log).members) == 3
