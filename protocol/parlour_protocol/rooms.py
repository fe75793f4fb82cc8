"""Kinds of rooms, roles and states: the words that both sides and every frame use for them."""

from enum import IntEnum, StrEnum


class RoomKind(StrEnum):
    """The kind of a room: who can find and join it."""

    PUBLIC = "public"
    """Listed in the directory; anyone with an account may join."""
    PRIVATE = "private"
    """Not listed; joined by a member's invitation."""
    DIRECT = "direct"
    """Two people; never renamed, and never joined by a third person."""


class RoomSuite(IntEnum):
    """How the members of an encrypted room agree on its keys: the number of an MLS cipher suite."""

    X25519 = 0x0003
    X_WING = 0xF003
    """Hybrid: ML-KEM-768 and X25519. Experimental; the number is for private use."""


class Role(StrEnum):
    """The rights of a member in a room (`server/parlour_server/chat/rooms/rights.py` has the table)."""

    OWNER = "owner"
    MODERATOR = "moderator"
    MEMBER = "member"


class Status(StrEnum):
    """Whether someone is online. Never stored."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"
