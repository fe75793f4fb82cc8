"""Rooms as the operator's commands name them, and the server's own events in them."""

from typing import TYPE_CHECKING

from parlour_server.host.cli.command_options import command

if TYPE_CHECKING:
    from parlour_protocol.frames.bodies import AnyBody
    from parlour_protocol.ids import RoomId
    from parlour_protocol.kit.ids import Millis
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.types import AppendEvent
    from parlour_server.core.errors import SetupError


def server_event(room: "RoomId", now: "Millis", body: "AnyBody") -> "AppendEvent":
    """Return an event by the server itself."""
    from parlour_protocol.kit.ids import new_request_id  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.chat.store.types import AppendEvent  # noqa: PLC0415
    from parlour_server.chat.system_account import system_account, system_device  # noqa: PLC0415

    return AppendEvent(room, system_account(), system_device(), new_request_id(), now, body, None)


def no_such_room() -> "SetupError":
    """Return the error for a name that no room has."""
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick

    return SetupError(
        f"no such room; `{command()} room list` shows the public ones, and with --private the others"
    )


async def find_room(store: "ChatStore", name: str) -> "RoomId":
    """Return the room with this name or id. Raises SetupError."""
    from parlour_protocol.ids import RoomId  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.names import NameRefusedError  # noqa: PLC0415
    from parlour_protocol.room_name import parse_room_name  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    try:
        found = await store.rooms.find_named(parse_room_name(name))
    except NameRefusedError:  # an id may begin with a dash
        found = ()
    if len(found) > 1:
        raise SetupError(f"several rooms have this name: give one of their ids instead ({', '.join(found)})")
    room = found[0] if found else RoomId(name)
    if not await store.log.heads([room]):
        raise no_such_room()
    return room
