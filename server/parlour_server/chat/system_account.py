"""The system account: the author of the server's own events in rooms that no person created.

Every author needs an account, so `init` creates it: disabled, with a hash that no password matches, so no one
can log in to it (P8: default accounts). Its name, and names that look like it, can't be registered.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name

if TYPE_CHECKING:
    from parlour_protocol.room_name import RoomName

_NAME: Final = "house"
_LOBBY: Final = "lobby"


@cache
def system_account() -> UserName:
    """Return the system account's name."""
    return parse_user_name(_NAME)


@cache
def system_device() -> DeviceName:
    """Return the system account's device name."""
    return parse_device_name("parlour-server")


@cache
def lobby() -> "RoomName":
    """Return the name of the room that everyone joins."""
    from parlour_protocol.room_name import parse_room_name  # noqa: PLC0415 - not for every command

    return parse_room_name(_LOBBY)
