"""The system account: the author of what the server itself does in rooms that no person created.

The store needs a row for every author, so `init` creates one: disabled, with a hash that no password has, so
no one can log in to it (P8: default accounts). The name, and names that look like it, can't be registered.
"""

from functools import cache
from typing import Final

from parlour_protocol.names import (
    DeviceName,
    NameReason,
    NameRefusedError,
    RoomName,
    UserName,
    parse_device_name,
    parse_room_name,
    parse_user_name,
    skeleton,
)

_NAME: Final = "house"
_LOBBY: Final = "lobby"


@cache
def system_account() -> UserName:
    """Return the name that the server writes as an author."""
    return parse_user_name(_NAME)


@cache
def system_device() -> DeviceName:
    """Return the device that stands beside it."""
    return parse_device_name("parlour-server")


@cache
def lobby() -> RoomName:
    """Return the name of the room that everyone joins."""
    return parse_room_name(_LOBBY)


def refuse_system_account(user: UserName) -> None:
    """Raise NameRefusedError for a name that looks like that of the system account."""
    if skeleton(user) == skeleton(_NAME):
        raise NameRefusedError(NameReason.RESERVED)
