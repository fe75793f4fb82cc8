"""Rooms, settings, drafts and choices in the archive: what the client needs to open without a network.

A room that was left keeps its history. ``settings`` holds the profile with the session token, which is why
none of it lies outside the encrypted file. Functions over a connection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

import apsw
import msgspec

from parlour_client.core.archive.own_keys import trust_changed
from parlour_client.core.archive.rows import user_name
from parlour_protocol.frames import RoomSummary
from parlour_protocol.frames.codec import strict_decoder
from parlour_protocol.frames.fields import encode_field
from parlour_protocol.ids import Millis, RoomId, Seq
from parlour_protocol.names import UserName

_LAST_ROOM: Final = "last_room"
_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field)


@dataclass(frozen=True, slots=True)
class KnownRoom:
    """A room as it was last known, and the newest event of it that is here."""

    summary: RoomSummary
    top: Seq


def load(connection: apsw.Connection) -> Sequence[KnownRoom]:
    """Return the rooms that the account is in."""
    rows = cast(
        "list[tuple[str, int]]",
        list(connection.execute("SELECT summary, top FROM rooms WHERE entered ORDER BY id")),
    )
    return [KnownRoom(strict_decoder(RoomSummary)(summary.encode()), Seq(top)) for summary, top in rows]


def save(connection: apsw.Connection, summaries: Sequence[RoomSummary]) -> dict[RoomId, Seq]:
    """Write the rooms as the server told them; return the newest event that is here of each."""
    query = """
        INSERT INTO rooms (id, summary, entered, incarnation)
        VALUES (?, ?, 1, (SELECT value FROM settings WHERE name = 'incarnation'))
        ON CONFLICT (id) DO UPDATE SET summary = excluded.summary, entered = 1 RETURNING top"""
    return {
        summary.room: Seq(
            int(str(next(connection.execute(query, (summary.room, _encoder.encode(summary).decode())))[0]))
        )
        for summary in summaries
    }


def leave(connection: apsw.Connection, room: RoomId) -> None:
    """Take a room off the list; its history stays."""
    connection.execute("UPDATE rooms SET entered = 0 WHERE id = ?", (room,))


def keep_only(connection: apsw.Connection, rooms: Sequence[RoomId]) -> None:
    """Take every other room off the list: the server's greeting is complete."""
    marks = ", ".join("?" * len(rooms))
    connection.execute(f"UPDATE rooms SET entered = 0 WHERE id NOT IN ({marks})", tuple(rooms))  # noqa: S608 - marks alone


def names(connection: apsw.Connection) -> Sequence[tuple[RoomId, str]]:
    """Return all rooms that there is history of, left ones too: id and name, or the person's name."""
    query = """
        SELECT id, coalesce(json_extract(summary, '$.name'), json_extract(summary, '$.peer'), '')
        FROM rooms"""
    return [(RoomId(str(room)), str(name)) for room, name in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the person chose for rooms and people, and keeps to themselves."""

    favourites: frozenset[RoomId]
    muted: frozenset[RoomId]
    strict: frozenset[RoomId]
    """Where nothing is sent while somebody is there who is not verified."""
    ignored: frozenset[UserName]
    activity: Mapping[RoomId, Millis]
    """When something last happened in each room, as far as is known here."""
    last_room: RoomId | None = None
    """The room that was open last."""


def choices(connection: apsw.Connection) -> Choices:
    """Return them."""
    rows = list(connection.execute("SELECT room, favourite, muted, strict FROM room_choices"))
    newest = """
        SELECT id, (SELECT at FROM events WHERE room = rooms.id ORDER BY seq DESC LIMIT 1) FROM rooms"""
    return Choices(
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


Choice = Literal["favourite", "muted", "strict"]


def is_strict(connection: apsw.Connection, room: RoomId) -> bool:
    """Tell whether nothing is to be sent while somebody in the room is not verified."""
    query = "SELECT 1 FROM room_choices WHERE room = ? AND strict"
    return connection.execute(query, (room,)).fetchone() is not None


def choose(connection: apsw.Connection, room: RoomId, column: Choice, *, on: bool) -> None:
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


def setting(connection: apsw.Connection, name: str) -> str | None:
    """Return a setting."""
    return next(
        (str(v) for (v,) in connection.execute("SELECT value FROM settings WHERE name = ?", (name,))), None
    )


def set_setting(connection: apsw.Connection, name: str, value: str | None) -> None:
    """Write a setting, or take it away."""
    if value is None:
        connection.execute("DELETE FROM settings WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def draft(connection: apsw.Connection, room: RoomId) -> str:
    """Return what was typed and not sent."""
    return next(
        (str(t) for (t,) in connection.execute("SELECT text FROM drafts WHERE room = ?", (room,))), ""
    )


def save_draft(connection: apsw.Connection, room: RoomId, text: str) -> None:
    """Keep what was typed; empty: forget it."""
    if text:
        connection.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", (room, text))
    else:
        connection.execute("DELETE FROM drafts WHERE room = ?", (room,))
