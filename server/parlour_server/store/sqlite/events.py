"""Rows of the log: how an event gets its number and its row, and how a request is found again.

The number is the room's counter, moved in the same transaction, so a room's events have no hole and no
two of them one number. Called by the log and when a room is made.
"""

import sqlite3
from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Blank, Edited, Reacted
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import Millis, RequestId, RoomId
from parlour_protocol.names import DeviceName, UserName
from parlour_server.errors import RefusedError
from parlour_server.store.sqlite.stored import BODY_KINDS, EVENT_COLUMNS, plain, read_event, write_body

_NEXT: Final = "UPDATE rooms SET head = head + 1 WHERE room = ? RETURNING head"
_INSERT: Final = (
    "INSERT INTO events (room, seq, at, author, device, request, kind, target, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BY_REQUEST: Final = f"SELECT room, {EVENT_COLUMNS} FROM events WHERE author = ? AND request = ?"  # noqa: S608 - columns of ours


def insert_event(
    db: sqlite3.Connection,
    room: RoomId,
    author: UserName,
    device: DeviceName,
    at: Millis,
    body: AnyBody,
    request: RequestId | None,
) -> LogEvent:
    """Append one event; ``request`` is None for one that the store adds on its own."""
    row = db.execute(_NEXT, (room,)).fetchone()
    if row is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room")
    kind = type(body)
    target = body.target if isinstance(body, Edited | Reacted) else None
    db.execute(
        _INSERT,
        (
            room,
            row[0],
            at,
            plain(author),
            plain(device),
            request,
            BODY_KINDS[kind],
            target,
            write_body(body),
        ),
    )
    return LogEvent(room=room, seq=row[0], at=at, author=author, device=device, body=body)


def find_request(db: sqlite3.Connection, author: UserName, request: RequestId) -> LogEvent | None:
    """Return the event that this request of this author appended before."""
    row = db.execute(_BY_REQUEST, (plain(author), request)).fetchone()
    return None if row is None else read_event(row[0], row[1:])


def is_same(earlier: AnyBody, body: AnyBody) -> bool:
    """Return whether a repeated request says what the first one said.

    Of a deleted event nothing is left to compare but its kind.
    """
    if isinstance(earlier, Blank):
        return earlier.was == BODY_KINDS[type(body)]
    return earlier == body
