"""What a person sets and keeps on this device: favourites, muted rooms, ignored people, stars, the last room.

No server hears of it. Functions over a connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import apsw

from parlour_client.core.archive.own_keys import trust_changed
from parlour_client.core.archive.rows import user_name
from parlour_client.core.archive.stored_values import set_setting, setting
from parlour_protocol.ids import Millis, RoomId, Seq
from parlour_protocol.names import UserName

_LAST_ROOM: Final = "last_room"


@dataclass(frozen=True, slots=True)
class SavedPreferences:
    """What the person set for rooms and people."""

    favourites: frozenset[RoomId]
    muted: frozenset[RoomId]
    strict: frozenset[RoomId]
    """Where nothing is sent while somebody is there who is not verified."""
    ignored: frozenset[UserName]
    activity: Mapping[RoomId, Millis]
    """When something last happened in each room, as far as is known here."""
    last_room: RoomId | None = None
    """The room that was open last."""


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
        activity={
            RoomId(str(room)): Millis(int(str(at)))
            for room, at in connection.execute(newest)
            if at is not None
        },
        last_room=RoomId(last) if (last := setting(connection, _LAST_ROOM)) is not None else None,
    )


RoomPreference = Literal["favourite", "muted", "strict"]


def is_strict(connection: apsw.Connection, room: RoomId) -> bool:
    """Tell whether nothing is to be sent while somebody in the room is not verified."""
    query = "SELECT 1 FROM room_choices WHERE room = ? AND strict"
    return connection.execute(query, (room,)).fetchone() is not None


def set_for_room(connection: apsw.Connection, room: RoomId, column: RoomPreference, *, on: bool) -> None:
    """Make a room a favourite, mute it, keep it to verified people, or take that back."""
    connection.execute("INSERT OR IGNORE INTO room_choices (room) VALUES (?)", (room,))
    connection.execute(f"UPDATE room_choices SET {column} = ? WHERE room = ?", (on, room))  # noqa: S608 - a Literal
    if column == "strict":
        trust_changed(connection)


def remember_open(connection: apsw.Connection, room: RoomId) -> None:
    """Note which room is open."""
    set_setting(connection, _LAST_ROOM, room)


def ignore(connection: apsw.Connection, user: UserName, *, on: bool) -> None:
    """Ignore somebody, or no longer."""
    query = "INSERT OR IGNORE INTO ignored VALUES (?)" if on else "DELETE FROM ignored WHERE user = ?"
    connection.execute(query, (str(user),))


def star(connection: apsw.Connection, room: RoomId, seq: Seq, *, on: bool) -> None:
    """Put a star to a message, or take it off."""
    query = (
        "INSERT OR IGNORE INTO stars VALUES (?, ?)" if on else "DELETE FROM stars WHERE room = ? AND seq = ?"
    )
    connection.execute(query, (room, seq))
