"""The rights of a room as one table: kind of room, action, and the lowest role that may do it.

If an action is missing for a kind of room, no one can do it there. `rights.py` adds mutes, bans and the roles
of other people.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.event_rules import Action
from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import ROOMS_PER_USER
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.store.types import AppendEvent, Membership, RoomFacts
from parlour_server.core.errors import RefusedError

RANK: Final[Mapping[Role, int]] = MappingProxyType({Role.MEMBER: 1, Role.MODERATOR: 2, Role.OWNER: 3})

_PRIVATE: Final[Mapping[Action, Role]] = MappingProxyType(
    {
        Action.WRITE: Role.MEMBER,
        Action.DELETE_OWN: Role.MEMBER,
        Action.DELETE_ANY: Role.MODERATOR,
        Action.LEAVE: Role.MEMBER,
        Action.INVITE: Role.MEMBER,
        Action.SET_TOPIC: Role.MODERATOR,
        Action.SET_ROLE: Role.OWNER,
        Action.SET_RETENTION: Role.OWNER,
        Action.RENAME: Role.OWNER,
        Action.ARCHIVE: Role.OWNER,
        Action.DELETE_ROOM: Role.OWNER,
        Action.KICK: Role.MODERATOR,
        Action.BAN: Role.MODERATOR,
        Action.UNBAN: Role.MODERATOR,
        Action.MUTE: Role.MODERATOR,
        Action.UNMUTE: Role.MODERATOR,
        Action.PIN: Role.MODERATOR,
        Action.ENCRYPT: Role.OWNER,
        Action.FOUND: Role.OWNER,
        Action.REFOUND: Role.MEMBER,
        Action.COMMIT: Role.MEMBER,
    }
)

LOWEST_ROLE: Final[Mapping[RoomKind, Mapping[Action, Role]]] = MappingProxyType(
    {
        RoomKind.PUBLIC: MappingProxyType({**_PRIVATE, Action.JOIN: Role.MEMBER}),
        RoomKind.PRIVATE: _PRIVATE,
        # Two equals, permanently: no one joins, leaves or is removed, and both have the same rights.
        RoomKind.DIRECT: MappingProxyType(
            {
                Action.WRITE: Role.MEMBER,
                Action.DELETE_OWN: Role.MEMBER,
                Action.SET_TOPIC: Role.MEMBER,
                Action.SET_RETENTION: Role.MEMBER,
                Action.PIN: Role.MEMBER,
                Action.ENCRYPT: Role.MEMBER,
                Action.FOUND: Role.MEMBER,
                Action.REFOUND: Role.MEMBER,
                Action.COMMIT: Role.MEMBER,
            }
        ),
    }
)

ROLES_IN_WORDS: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.MEMBER: "members",
        Role.MODERATOR: "moderators and owners",
        Role.OWNER: "owners",
    }
)


def in_force(until: Millis | None, at: Millis) -> bool:
    """Return whether a mute or a ban is active: None means none, 0 permanent, else the time of its end."""
    return until is not None and (until == 0 or until > at)


def require_right(kind: RoomKind, role: Role, action: Action) -> None:
    """Refuse an action that this role may not do in this kind of room."""
    lowest = LOWEST_ROLE[kind].get(action)
    if lowest is None:
        raise RefusedError(ErrorCode.FORBIDDEN, "this cannot be done in a direct room")
    if RANK[role] < RANK[lowest]:
        raise RefusedError(ErrorCode.FORBIDDEN, f"only {ROLES_IN_WORDS[lowest]} can do this here")


def allow(event: AppendEvent, facts: RoomFacts, action: Action) -> Membership:
    """Return the author's membership, or refuse: not a member, role too low, or muted."""
    author, rules = facts.author, event.body.rules
    if author is None or facts.kind is None:
        _refuse_stranger(event, facts)
    require_right(facts.kind, author.role, action)
    if author.asked and rules.is_message and facts.author_rooms >= ROOMS_PER_USER.value:
        raise RefusedError(
            ErrorCode.LIMIT_REACHED, "you are in too many rooms to accept this one: leave one first"
        )
    if not rules.while_muted and in_force(author.muted_until, event.at):
        refuse_timed(ErrorCode.MUTED, "you are muted in this room", author.muted_until, event.at)
    return author


def _refuse_stranger(event: AppendEvent, facts: RoomFacts) -> Never:
    """Refuse someone who is not in the room. Only a public room reveals that it exists."""
    if facts.kind is not RoomKind.PUBLIC:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
    if in_force(facts.author_banned_until, event.at):
        refuse_timed(ErrorCode.BANNED, "you are banned from this room", facts.author_banned_until, event.at)
    raise RefusedError(ErrorCode.FORBIDDEN, "join the room first")


def refuse_timed(code: ErrorCode, hint: str, until: Millis | None, at: Millis) -> Never:
    """Refuse, with the time at which the mute or ban ends."""
    raise RefusedError(code, hint, retry_after=until - at if until else None)
