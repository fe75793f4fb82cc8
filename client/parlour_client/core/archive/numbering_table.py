"""The numbering of each room in the archive; a room that was never rolled back has no row.

Functions over a connection; ``divergence`` writes it, searches for gaps read it.
"""

from typing import cast

import apsw

from parlour_client.core.room_log.numbering import PLAIN, Numbering, Piece
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


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
