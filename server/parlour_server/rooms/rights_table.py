"""The rights of a room as one table: kind of room, action, and the lowest role that may do it.

An action that is missing from a kind of room is possible for nobody there. The table knows nothing of
mutes, bans and other people's roles: `rights.py` does, and it alone reads this.
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from parlour_protocol.frames.base import Role, RoomKind


class Action(Enum):
    """What somebody does in a room."""

    WRITE = auto()
    """Send, sealed or not, edit one's own message, react."""
    DELETE_OWN = auto()
    DELETE_ANY = auto()
    JOIN = auto()
    """Enter without being invited; its role is that of those who have none yet."""
    LEAVE = auto()
    INVITE = auto()
    SET_TOPIC = auto()
    SET_ROLE = auto()
    KICK = auto()
    BAN = auto()
    UNBAN = auto()
    MUTE = auto()
    UNMUTE = auto()
    PIN = auto()
    ENCRYPT = auto()
    FOUND = auto()
    """Make the first MLS group of an encrypted room."""
    REFOUND = auto()
    """Put another group in the place of one that cannot go on."""
    COMMIT = auto()
    """Move the group on, or contest that."""


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
        # Two people, for good, as equals: nobody comes, goes, or is put out, and no one is above the other.
        RoomKind.DIRECT: MappingProxyType(
            {
                Action.WRITE: Role.MEMBER,
                Action.DELETE_OWN: Role.MEMBER,
                Action.SET_TOPIC: Role.MEMBER,
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
