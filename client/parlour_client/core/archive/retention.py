"""Deletes messages from this device's archive, with their index, their edits and their file keys.

Events that a room's rules depend on stay (who created it, who has which role), and so do the ids of encrypted
messages, without which an old one could be replayed as new. The rows are overwritten (secure_delete, in the
search index too); the caller shortens the write-ahead log afterwards. Functions over a connection.
"""

from collections.abc import Sequence
from typing import Final, cast

import apsw

from parlour_client.core.archive.insertion import AT_ONE_TIME, LATEST_TIME
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis

_LAST: Final = (1 << 63) - 1
_CHOSEN: Final = "id < ? AND room = ? AND kind NOT IN ('created', 'role')"


def forget(connection: apsw.Connection, room: RoomId | None, before: Millis | None) -> Sequence[RoomId]:
    """Delete a room's messages (None: all rooms') before a time (None: all); return the rooms that lost some.

    Messages older than the deleted ones are not fetched again either.
    """
    limit = _LAST if before is None else min(before, LATEST_TIME) << AT_ONE_TIME  # ids sort by time
    query = """
        SELECT room, max(seq), (SELECT top FROM rooms WHERE id = room) FROM events
        WHERE id < ?1 AND ?2 IN ('', room) AND kind NOT IN ('created', 'role') GROUP BY room"""
    sent = "DELETE FROM outbox WHERE state = 'stored' AND at < ?1 AND ?2 IN ('', room)"
    connection.execute(sent, (limit >> AT_ONE_TIME, room or ""))
    found = cast("list[tuple[RoomId, int, int | None]]", list(connection.execute(query, (limit, room or ""))))
    for expiring, newest, top in found:
        _forget(connection, expiring, limit, max(newest, top or 0) if before is None else newest)
    return [expiring for expiring, _, _ in found]


def _forget(connection: apsw.Connection, room: RoomId, limit: int, floor: int) -> None:
    chosen = (limit, room)
    connection.execute(f"DELETE FROM words WHERE rowid IN (SELECT id FROM events WHERE {_CHOSEN})", chosen)  # noqa: S608 - constants
    connection.execute(f"DELETE FROM events WHERE {_CHOSEN}", chosen)  # noqa: S608 - constants
    connection.execute(
        "DELETE FROM stars WHERE room = ?1 AND seq NOT IN (SELECT seq FROM events WHERE room = ?1)", (room,)
    )
    connection.execute(
        """DELETE FROM file_keys WHERE room = ?1 AND file NOT IN (
            SELECT json_extract(body, '$.file.file') FROM events
            WHERE room = ?1 AND kind = 'message' AND json_extract(body, '$.file.file') IS NOT NULL)
            AND file NOT IN (SELECT json_extract(frame, '$.file.file') FROM outbox
            WHERE room = ?1 AND json_extract(frame, '$.file.file') IS NOT NULL)""",
        (room,),
    )
    connection.execute(
        "DELETE FROM missing WHERE room = ?1 AND last NOT IN (SELECT seq FROM events WHERE room = ?1)",
        (room,),
    )
    connection.execute("UPDATE rooms SET forgotten = max(forgotten, ?) WHERE id = ?", (floor, room))
