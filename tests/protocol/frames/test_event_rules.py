"""The rules of the kinds of events fit together, and their fields."""

import pytest

from parlour_protocol.frames.bodies import AnyBody, Body, Created, concerned
from parlour_protocol.frames.event_rules import Concerns, Rooms
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.unions import members
from parlour_protocol.rooms import RoomKind

KINDS: tuple[type[Body], ...] = members(AnyBody)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_about_something_names_it(kind: type[Body]) -> None:
    """A rule about the target or the person is none without the field."""
    rules, fields = kind.rules, kind.__struct_fields__
    if rules.at_target or rules.deleted_with_target:
        assert "target" in fields
    if rules.audited or rules.concerns is Concerns.INVITED:
        assert "who" in fields


@pytest.mark.parametrize("kind", KINDS)
def test_what_people_write_is_limited(kind: type[Body]) -> None:
    """It expires, it takes space, and neither the muted nor anyone in an archived room writes it."""
    rules = kind.rules
    if rules.rooms is Rooms.OPEN or rules.is_message:
        assert rules.expires
    if rules.takes_space:
        assert not rules.while_muted
        assert not rules.while_archived
    if rules.is_message:
        assert rules.takes_space


def test_whom_an_event_concerns() -> None:
    """Its author, where it names no one."""
    ada = parse_user_name("ada")
    assert concerned(Created(room_kind=RoomKind.PUBLIC), ada) == ada
