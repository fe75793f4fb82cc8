"""The house: the name that the server itself writes in the rooms that no person made, such as `lobby`.

The store needs a row for an author, so `init` makes one: disabled, with a hash that no password has, hence
nothing to log in to (P8: default accounts). Nobody can register the name or one that looks like it. `setup`,
`accounts` and the command line call it.
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
    """Return the name of the room that everybody enters."""
    return parse_room_name(_LOBBY)


def refuse_system_account(user: UserName) -> None:
    """Raise NameRefusedError for a name that could be taken for the house."""
    if skeleton(user) == skeleton(_NAME):
        raise NameRefusedError(NameReason.RESERVED)
