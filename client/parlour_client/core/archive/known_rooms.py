"""The rooms of the account in the archive: what the client needs to open without a network.

A room that the account left keeps its history. One that was rolled back has a numbering: ``divergence``
writes it, searches for gaps read it. Functions over a connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import apsw
import msgspec

from parlour_client.core.room_log.numbering import PLAIN, Numbering, Piece
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.codec import strict_decoder
from parlour_protocol.kit.fields import encode_field
from parlour_protocol.kit.ids import Millis, Seq

_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field)
NUMBERS: Final = range(1, 10)
"""Of rooms: each opens with one digit."""


@dataclass(frozen=True, slots=True)
class KnownRoom:
    """A room's last known state, its newest event that is here, and that event's time."""

    summary: RoomSummary
    top: Seq
    at: Millis


def load(connection: apsw.Connection) -> Sequence[KnownRoom]:
    """Return the rooms that the account is in."""
    rows = cast(
        "list[tuple[str, int, int]]",
        list(
            connection.execute(
                "SELECT summary, top, coalesce(events.at, 0) FROM rooms"
                " LEFT JOIN events ON room = rooms.id AND seq = top WHERE entered ORDER BY rooms.id"
            )
        ),
    )
    return [
        KnownRoom(strict_decoder(RoomSummary)(summary.encode()), Seq(top), Millis(at))
        for summary, top, at in rows
    ]


def save(
    connection: apsw.Connection, summaries: Sequence[RoomSummary], *, all_of_them: bool = False
) -> dict[RoomId, Seq]:
    """Save rooms that the server sent; return the newest event that is here of each.

    ``all_of_them``: every other room is removed from the list. A room without a number gets the lowest
    free one, unless it is a direct room that waits for a yes: no stranger takes one by writing.
    """
    if all_of_them:
        marks = ", ".join("?" * len(summaries))
        left = f"UPDATE rooms SET entered = 0, number = NULL WHERE id NOT IN ({marks})"  # noqa: S608 - marks alone
        connection.execute(left, tuple(summary.room for summary in summaries))
    query = """
        INSERT INTO rooms (id, summary, entered, incarnation)
        VALUES (?, ?, 1, (SELECT value FROM settings WHERE name = 'incarnation'))
        ON CONFLICT (id) DO UPDATE SET summary = excluded.summary, entered = 1 RETURNING top"""
    tops = {
        summary.room: Seq(
            int(str(next(connection.execute(query, (summary.room, _encoder.encode(summary).decode())))[0]))
        )
        for summary in summaries
    }
    _give_numbers(connection, [summary for summary in summaries if not summary.request])
    return tops


def _give_numbers(connection: apsw.Connection, summaries: Sequence[RoomSummary]) -> None:
    """Give free numbers, the lowest first, to these rooms as far as they have none; direct rooms first."""
    numbered = numbers(connection)
    free = [number for number in NUMBERS if number not in numbered.values()]
    new = [summary for summary in summaries if summary.room not in numbered]
    new.sort(key=lambda summary: (summary.peer is None, str(summary.peer or summary.name or "")))
    connection.executemany(
        "UPDATE rooms SET number = ? WHERE id = ?",
        [(number, summary.room) for number, summary in zip(free, new, strict=False)],
    )


def numbers(connection: apsw.Connection) -> dict[RoomId, int]:
    """Return the number of each room that has one."""
    rows = connection.execute("SELECT id, number FROM rooms WHERE number IS NOT NULL")
    return {RoomId(str(room)): int(str(number)) for room, number in rows}


def set_number(connection: apsw.Connection, room: RoomId, number: int) -> None:
    """Give a room this number; the room that has it gets the other's, if there is one."""
    numbered = numbers(connection)
    before = numbered.get(room)
    other = next((one for one, taken in numbered.items() if taken == number), None)
    connection.execute("UPDATE rooms SET number = NULL WHERE id = ?", (room,))
    if other is not None:
        connection.execute("UPDATE rooms SET number = ? WHERE id = ?", (before, other))
    connection.execute("UPDATE rooms SET number = ? WHERE id = ?", (number, room))


def leave(connection: apsw.Connection, room: RoomId) -> None:
    """Remove a room from the list; its history stays."""
    connection.execute("UPDATE rooms SET entered = 0, number = NULL WHERE id = ?", (room,))


def names(connection: apsw.Connection) -> Sequence[tuple[RoomId, str]]:
    """Return all rooms with history, including those that were left: id and name, or the person's name."""
    query = """
        SELECT id, coalesce(json_extract(summary, '$.name'), json_extract(summary, '$.peer'), '')
        FROM rooms"""
    return [(RoomId(str(room)), str(name)) for room, name in connection.execute(query)]


def numbering(connection: apsw.Connection, room: RoomId) -> Numbering:
    """Return a room's numbering."""
    query = "SELECT server, local FROM numbering WHERE room = ? ORDER BY server"
    rows = cast("list[tuple[int, int]]", list(connection.execute(query, (room,))))
    return Numbering(tuple(Piece(Seq(server), Seq(local)) for server, local in rows)) if rows else PLAIN


def numberings(connection: apsw.Connection) -> dict[RoomId, Numbering]:
    """Return all numberings that are not plain."""
    rooms = [RoomId(str(room)) for (room,) in connection.execute("SELECT DISTINCT room FROM numbering")]
    return {room: numbering(connection, room) for room in rooms}


def save_numbering(connection: apsw.Connection, room: RoomId, numbers: Numbering) -> None:
    """Write a room's numbering."""
    connection.execute("DELETE FROM numbering WHERE room = ?", (room,))
    for piece in numbers.pieces:
        connection.execute("INSERT INTO numbering VALUES (?, ?, ?)", (room, piece.server, piece.local))
