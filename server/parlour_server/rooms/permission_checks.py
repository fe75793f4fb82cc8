"""Whether an author may do an action at all: in the room, of a high enough role, not muted.

It never tells that a room exists to somebody who may not see it: a private or direct room answers a stranger
exactly as a room that is not there (NOT_FOUND). Called by `rights.py` and the rules that it hands on to.
"""

from typing import Final, Never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.ids import Millis
from parlour_protocol.limits import ROOMS_PER_USER
from parlour_server.errors import RefusedError
from parlour_server.rooms.rights_table import LOWEST_ROLE, RANK, ROLES_IN_WORDS, Action
from parlour_server.rooms.timed_restrictions import in_force
from parlour_server.store.types import AppendEvent, Facts, Membership

_SILENCED: Final = frozenset({Action.WRITE, Action.INVITE, Action.SET_TOPIC, Action.PIN})
"""What a muted member may not do: everything that puts words before the others."""


def allow(event: AppendEvent, facts: Facts, action: Action) -> Membership:
    """Return the author's membership, or refuse: not there, role too low, or muted."""
    author = facts.author
    if author is None or facts.kind is None:
        _refuse_stranger(event, facts)
    lowest = LOWEST_ROLE[facts.kind].get(action)
    if lowest is None:
        raise RefusedError(ErrorCode.FORBIDDEN, "this cannot be done in a direct room")
    if RANK[author.role] < RANK[lowest]:
        raise RefusedError(ErrorCode.FORBIDDEN, f"only {ROLES_IN_WORDS[lowest]} can do this here")
    if author.asked and action is Action.WRITE and facts.author_rooms >= ROOMS_PER_USER.value:
        raise RefusedError(
            ErrorCode.LIMIT_REACHED, "you are in too many rooms to say yes to this one: leave one"
        )
    if action in _SILENCED and in_force(author.muted_until, event.at):
        refuse_timed(ErrorCode.MUTED, "you are muted in this room", author.muted_until, event.at)
    return author


def allow_readable(event: AppendEvent, facts: Facts, action: Action) -> Membership:
    """Return the same for what everybody with access to the server can read: never in an encrypted room.

    The last line of defence against a client that falls back to plaintext (e2ee: no fallback, ever).
    """
    author = allow(event, facts, action)
    if facts.encrypted:
        raise RefusedError(
            ErrorCode.ENCRYPTED, "this room is end-to-end encrypted: nothing readable is taken"
        )
    return author


def _refuse_stranger(event: AppendEvent, facts: Facts) -> Never:
    """Refuse somebody who is not in the room. Only a public room may admit that it exists."""
    if facts.kind is not RoomKind.PUBLIC:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
    if in_force(facts.author_banned_until, event.at):
        refuse_timed(ErrorCode.BANNED, "you are banned from this room", facts.author_banned_until, event.at)
    raise RefusedError(ErrorCode.FORBIDDEN, "join the room first")


def refuse_timed(code: ErrorCode, hint: str, until: Millis | None, at: Millis) -> Never:
    """Refuse, and say when it ends."""
    raise RefusedError(code, hint, retry_after=until - at if until else None)
