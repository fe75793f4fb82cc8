"""The chat's own identifiers, of rooms, groups and files; the others are in ``kit/ids.py``."""

from typing import Final, NewType

from parlour_protocol.kit.ids import random_id

RoomId = NewType("RoomId", str)
"""A room: 22 characters of base64url (128 bits), created by the server and never reused."""

GroupId = NewType("GroupId", str)
"""An MLS group: 32 random bytes as 43 characters of base64url; a room may have several, one after another."""

WelcomeId = NewType("WelcomeId", str)
"""A Welcome that waits for a device: 22 characters of base64url."""

FileId = NewType("FileId", str)
"""An uploaded file: 22 characters of base64url, created by the server."""

Epoch = NewType("Epoch", int)
"""The number of a group's commits (RFC 9420 section 4.1)."""

GROUP_ID_PATTERN: Final = r"\A[A-Za-z0-9_-]{43}\Z"


def new_room_id() -> RoomId:
    """Make a room id; only the server does."""
    return RoomId(random_id())


def new_welcome_id() -> WelcomeId:
    """Make the id of a pending Welcome; only the server does."""
    return WelcomeId(random_id())


def new_file_id() -> FileId:
    """Make a file's name; only the server does."""
    return FileId(random_id())


def new_group_id() -> GroupId:
    """Make the id of a new MLS group, on the device that creates it."""
    return GroupId(random_id(32))
