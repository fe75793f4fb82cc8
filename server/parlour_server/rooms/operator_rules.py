"""What the operator's commands may append: a room's permissions don't bind them."""

from parlour_protocol.errors import ErrorCode
from parlour_server.kit.errors import RefusedError
from parlour_server.store.types import AppendEvent, Facts


def allow_anything(_event: AppendEvent, _facts: Facts) -> None:
    """Allow the operator's event."""


def require_member(_event: AppendEvent, facts: Facts) -> None:
    """Raise RefusedError unless the person whom the event is about is a member, and has an account."""
    if facts.subject is None:
        hint = "no such room (see `parlour-server room list`), or they are not a member of it"
        raise RefusedError(ErrorCode.NOT_FOUND, hint)
    if not facts.subject_exists:
        raise RefusedError(ErrorCode.FORBIDDEN, "their account was deleted")
