"""Events that arrived blanked, until a message gives the reason; the server dropped the rest by itself."""

import apsw

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


def note_blanked(connection: apsw.Connection, room: RoomId, seq: Seq) -> None:
    """Note an event that arrived blanked."""
    connection.execute("INSERT OR IGNORE INTO mls_blanks VALUES (?, ?)", (room, seq))


def note_deletion(connection: apsw.Connection, room: RoomId, seq: Seq | None) -> None:
    """Note a message that gives, or may give, the reason why an event was blanked."""
    if seq is not None:
        connection.execute("DELETE FROM mls_blanks WHERE room = ? AND seq = ?", (room, seq))


def take_dropped(connection: apsw.Connection, room: RoomId) -> list[Seq]:
    """Return, once, events that were blanked without a request; when all of the room was processed."""
    query = "DELETE FROM mls_blanks WHERE room = ? RETURNING seq"
    return sorted(Seq(int(str(seq))) for (seq,) in list(connection.execute(query, (room,))))
