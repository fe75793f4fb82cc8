"""What every frame has in common: a frozen struct with a tag, and nothing that the schema does not name."""

from enum import IntEnum, StrEnum

import msgspec


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """One JSON object, one text frame. The tag ``type`` tells which."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a frame."""


class RoomKind(StrEnum):
    """Who may find and enter a room."""

    PUBLIC = "public"
    """Listed in the directory; anyone with an account may join."""
    PRIVATE = "private"
    """Not listed; entered by invitation of a member."""
    DIRECT = "direct"
    """Two people, made by the first message between them; never renamed, never joined by a third."""


class RoomSuite(IntEnum):
    """How the members of an encrypted room agree on its keys: the number of an MLS cipher suite."""

    X25519 = 0x0003
    X_WING = 0xF003
    """Hybrid: ML-KEM-768 and X25519. Experimental; the number is for private use."""


class Role(StrEnum):
    """What a member may do in a room (`server/parlour_server/rooms/rights.py` has the table)."""

    OWNER = "owner"
    MODERATOR = "moderator"
    MEMBER = "member"


class Status(StrEnum):
    """Whether someone is online. Never stored."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"
