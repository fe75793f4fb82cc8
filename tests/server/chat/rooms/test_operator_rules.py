"""What the operator may do to a room's members."""

import pytest
from tests.server.chat.rooms.test_rights import BOB, event, facts

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import RoleSet
from parlour_protocol.rooms import Role
from parlour_server.chat.rooms.operator_rules import decide_appointment
from parlour_server.chat.store.types import RoomFacts
from parlour_server.core.errors import RefusedError


@pytest.mark.parametrize(
    ("role", "known", "refused"),
    [
        (Role.OWNER, facts(None, Role.MEMBER), None),
        (Role.OWNER, facts(None, Role.OWNER), None),
        (Role.MEMBER, facts(None, Role.OWNER, owners=2), None),
        (Role.MEMBER, facts(None, Role.OWNER, owners=1), ErrorCode.FORBIDDEN),
        (Role.MODERATOR, facts(None, Role.OWNER, owners=1), ErrorCode.FORBIDDEN),
        (Role.MEMBER, facts(None, Role.MODERATOR, owners=1), None),
        (Role.OWNER, facts(None, None), ErrorCode.NOT_FOUND),
        (Role.OWNER, facts(None, Role.MEMBER, subject_exists=False), ErrorCode.FORBIDDEN),
    ],
)
def test_an_appointment_by_the_operator(role: Role, known: RoomFacts, refused: ErrorCode | None):
    """The only owner stays one: the room would make someone owner by itself, perhaps the same person."""
    appointment = event(RoleSet(BOB, role))
    if refused is None:
        decide_appointment(appointment, known)
        return
    with pytest.raises(RefusedError) as error:
        decide_appointment(appointment, known)
    assert error.value.code is refused
