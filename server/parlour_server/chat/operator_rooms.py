"""Rooms as the operator's commands name them, and the server's own events in them."""

from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import NameRefusedError
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent, RoomFactsForOperator
from parlour_server.chat.system_account import system_account, system_device
from parlour_server.core.errors import SetupError
from parlour_server.host.cli.command_options import command


def server_event(room: RoomId, now: Millis, body: AnyBody) -> AppendEvent:
    """Return an event by the server itself."""
    return AppendEvent(room, system_account(), system_device(), new_request_id(), now, body, None)


def no_such_room() -> SetupError:
    """Return the error for a name that no room has."""
    return SetupError(
        f"no such room; `{command()} room list` shows the public ones, and with --private the others"
    )


async def find_room(store: ChatStore, name: str) -> RoomId:
    """Return the room with this name or id. Raises SetupError."""
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


async def find_unencrypted_room(store: ChatStore, name: str) -> RoomFactsForOperator:
    """Return a room, by its name or id, whose messages programs may read and write. Raises SetupError."""
    facts = await store.rooms.describe(await find_room(store, name))
    if facts is None:
        raise no_such_room()
    if facts.encrypted:
        raise SetupError(f"{name} is end-to-end encrypted, and a program has no key of it: choose another")
    if facts.archived or facts.kind is RoomKind.DIRECT:
        raise SetupError(f"{name} is archived, or a direct room: choose another")
    return facts


async def room_name(store: ChatStore, room: RoomId) -> str:
    """Return a room's name, or its id if it has none any more."""
    facts = await store.rooms.describe(room)
    return str(room if facts is None else facts.name)
