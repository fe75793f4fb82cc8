"""The rules for events of the operator's commands: a room's permissions don't bind them."""

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import RoleSet
from parlour_protocol.rooms import Role
from parlour_server.chat.store.types import AppendEvent, RoomFacts
from parlour_server.core.errors import RefusedError


def allow_anything(_event: AppendEvent, _facts: RoomFacts) -> None:
    """Allow the operator's event."""


def decide_appointment(event: AppendEvent, facts: RoomFacts) -> None:
    """Raise RefusedError for a non-member, a deleted account, and an only owner who gets another role."""
    if facts.subject is None:
        hint = "no such room (see `parlour-server room list`), or they are not a member of it"
        raise RefusedError(ErrorCode.NOT_FOUND, hint)
    if not facts.subject_exists:
        raise RefusedError(ErrorCode.FORBIDDEN, "their account was deleted")
    body = event.body
    is_owner = facts.subject.role is Role.OWNER
    if is_owner and facts.owners <= 1 and isinstance(body, RoleSet) and body.role is not Role.OWNER:
        raise RefusedError(ErrorCode.FORBIDDEN, "they are the room's only owner: appoint another one first")
