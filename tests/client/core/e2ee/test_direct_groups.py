"""A direct room is between two, for ever: whoever commits a third person is followed by nobody."""

import pytest
from tests.client.core.e2ee.vault_world import Device, room_of

from parlour_client.core.e2ee.refusals import JoinRefusedError
from parlour_client.core.e2ee.report import Stand
from parlour_protocol.frames.base import RoomKind


def test_a_third_person_is_let_into_no_direct_room() -> None:
    """A client that keeps no rules adds carol: bobby stays where he is, and carol does not come in."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, kind=RoomKind.DIRECT)
    log.commit(alice, alice.stage(log, 5, [carol]))
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert "third person" in receipt.items[-1].trouble
    assert receipt.contest is not None
    assert bobby.status(log).stand is Stand.REFUSED
    assert len(bobby.status(log).members) == 2
    event = carol.receive(log.events).needs_welcome
    assert event is not None
    with pytest.raises(JoinRefusedError, match="third person"):
        carol.join(log, event)


def test_a_second_device_of_the_two_is() -> None:
    """The rule counts people, not devices."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby, kind=RoomKind.DIRECT)
    phone = Device("bobby", account=bobby.account)
    alice.commit(log, 5, [phone])
    bobby.sync(log)
    assert len(bobby.status(log).members) == 3
