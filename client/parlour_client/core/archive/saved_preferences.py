"""The person's preferences on this device: favourites, muted rooms, ignored people, stars, the layout.

They are never sent to a server. Functions over a connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import apsw
import msgspec

from parlour_client.core.archive import known_rooms
from parlour_client.core.archive.own_keys import trust_changed
from parlour_client.core.archive.rows import user_name
from parlour_client.core.archive.stored_values import set_setting, setting
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName

SavedT = TypeVar("SavedT")
_LAST_ROOM: Final = "last_room"
_RECENT_ROOMS: Final = "recent_rooms"
_LAYOUT: Final = "layout"
MOST_RECENT: Final = 50
"""Rooms that are remembered as recently opened."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The room and the lists beside the open one, and how wide they are; 0 or None: as the screen decides."""

    beside: RoomId | None = None
    """The room beside the open one, if the screen is split."""
    people: bool | None = None
    """Whether the members are shown."""
    rooms_width: int = 0
    people_width: int = 0


_AS_IT_COMES: Final = Layout()


@dataclass(frozen=True, slots=True)
class SavedPreferences:
    """The person's preferences for rooms and people."""

    favourites: frozenset[RoomId]
    muted: frozenset[RoomId]
    strict: frozenset[RoomId]
    """Rooms to which nothing is sent while someone in them is not verified."""
    ignored: frozenset[UserName]
    numbers: Mapping[RoomId, int]
    """The digits that open rooms."""
    activity: Mapping[RoomId, Millis]
    """When something last happened in each room, as far as is known here."""
    last_room: RoomId | None = None
    """The room that was open last."""
    recent_rooms: tuple[RoomId, ...] = ()
    """The rooms that were opened last, the latest first."""
    layout: Layout = _AS_IT_COMES


def load(connection: apsw.Connection) -> SavedPreferences:
    """Return all of them."""
    rows = list(connection.execute("SELECT room, favourite, muted, strict FROM room_choices"))
    newest = """
        SELECT id, (SELECT at FROM events WHERE room = rooms.id ORDER BY seq DESC LIMIT 1) FROM rooms"""
    return SavedPreferences(
        favourites=frozenset(RoomId(str(room)) for room, favourite, _, _ in rows if favourite),
        muted=frozenset(RoomId(str(room)) for room, _, muted, _ in rows if muted),
        strict=frozenset(RoomId(str(room)) for room, _, _, strict in rows if strict),
        ignored=frozenset(user_name(str(user)) for (user,) in connection.execute("SELECT user FROM ignored")),
        numbers=known_rooms.numbers(connection),
        activity={
            RoomId(str(room)): Millis(int(str(at)))
            for room, at in connection.execute(newest)
            if at is not None
        },
        last_room=RoomId(last) if (last := setting(connection, _LAST_ROOM)) is not None else None,
        recent_rooms=_saved(connection, _RECENT_ROOMS, tuple[RoomId, ...], ()),
        layout=_saved(connection, _LAYOUT, Layout, _AS_IT_COMES),
    )


def _saved(connection: apsw.Connection, name: str, kind: type[SavedT], missing: SavedT) -> SavedT:
    """Return a value that is stored as JSON; one that another version wrote differently counts as missing."""
    stored = setting(connection, name)
    try:
        return missing if stored is None else msgspec.json.decode(stored, type=kind)
    except msgspec.MsgspecError:
        return missing


RoomPreference = Literal["favourite", "muted", "strict"]


def is_strict(connection: apsw.Connection, room: RoomId) -> bool:
    """Say whether nothing is sent to the room while someone in it is not verified."""
    query = "SELECT 1 FROM room_choices WHERE room = ? AND strict"
    return connection.execute(query, (room,)).fetchone() is not None


def set_for_room(connection: apsw.Connection, room: RoomId, column: RoomPreference, *, on: bool) -> None:
    """Make a room a favourite, mute it, limit it to verified people, or undo that."""
    connection.execute("INSERT OR IGNORE INTO room_choices (room) VALUES (?)", (room,))
    connection.execute(f"UPDATE room_choices SET {column} = ? WHERE room = ?", (on, room))  # noqa: S608 - a Literal
    if column == "strict":
        trust_changed(connection)


def remember_open(connection: apsw.Connection, room: RoomId) -> None:
    """Note which room is open."""
    set_setting(connection, _LAST_ROOM, room)
    recent = _saved(connection, _RECENT_ROOMS, tuple[RoomId, ...], ())
    set_setting(connection, _RECENT_ROOMS, msgspec.json.encode(recently(room, recent)).decode())


def recently(room: RoomId, before: tuple[RoomId, ...]) -> tuple[RoomId, ...]:
    """Return the recent rooms after this one was opened."""
    return (room, *(other for other in before if other != room))[:MOST_RECENT]


def save_layout(connection: apsw.Connection, layout: Layout) -> None:
    """Store the layout."""
    set_setting(connection, _LAYOUT, msgspec.json.encode(layout).decode())


def ignore(connection: apsw.Connection, user: UserName, *, on: bool) -> None:
    """Ignore someone, or stop ignoring them."""
    query = "INSERT OR IGNORE INTO ignored VALUES (?)" if on else "DELETE FROM ignored WHERE user = ?"
    connection.execute(query, (str(user),))


def star(connection: apsw.Connection, room: RoomId, seq: Seq, *, on: bool) -> None:
    """Star a message, or remove the star."""
    query = (
        "INSERT OR IGNORE INTO stars VALUES (?, ?)" if on else "DELETE FROM stars WHERE room = ? AND seq = ?"
    )
    connection.execute(query, (room, seq))
