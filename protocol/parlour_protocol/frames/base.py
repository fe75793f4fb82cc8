"""What every frame has in common: a frozen struct with a tag, and nothing that the schema does not name."""

from enum import StrEnum

import msgspec


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """One JSON object, one text frame. The tag ``type`` tells which."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a frame."""


class RoomKind(StrEnum):
    """Who may find and enter a room."""

    PUBLIC = "public"
    """Listed in the directory; anybody with an account may join."""
    PRIVATE = "private"
    """Not listed; entered by invitation of a member."""
    DIRECT = "direct"
    """Two people, made by the first message between them; never renamed, never joined by a third."""


class Role(StrEnum):
    """What a member may do in a room (`server/parlour_server/rooms/rights.py` has the table)."""

    OWNER = "owner"
    MODERATOR = "moderator"
    MEMBER = "member"


class Status(StrEnum):
    """Whether somebody is here. Never stored."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"
