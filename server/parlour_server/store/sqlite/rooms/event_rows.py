"""Rows of the log: how an event is written, and how a request is found again.

The caller read the room's head in the same transaction (one writer at a time: BEGIN IMMEDIATE), so a
room's events have no hole; the table's key refuses a number twice. Called by the log and when a room is made.
"""

import sqlite3
from typing import Final

from msgspec.structs import replace

from parlour_protocol.frames.bodies import (
    Banned,
    Blank,
    Edited,
    EncryptedMessage,
    Joined,
    MembershipChange,
    Muted,
    Reacted,
    Unreadable,
)
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import Millis, RequestId
from parlour_protocol.names import UserName
from parlour_server.store.sqlite.engine.column_values import (
    BODY_KINDS,
    EVENT_COLUMNS,
    plain,
    read_event_if_possible,
    write_body,
)
from parlour_server.store.sqlite.engine.connection import WriteConnection
from parlour_server.store.sqlite.engine.sqlite_journal import note_room_advanced
from parlour_server.store.types import AppendEvent

_MOVE_HEAD: Final = "UPDATE rooms SET head = ? WHERE room = ?"
_INSERT: Final = (
    "INSERT INTO events (room, seq, at, author, device, request, kind, target, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BY_REQUEST: Final = f"SELECT room, {EVENT_COLUMNS} FROM events WHERE author = ? AND request = ?"  # noqa: S608 - columns of ours


def insert_event(db: WriteConnection, event: LogEvent, request: RequestId | None) -> None:
    """Append an event that carries the number after the room's head, move the head, and announce it.

    ``request`` is None for an event that the store adds on its own.
    """
    body = event.body
    target = body.target if isinstance(body, Edited | Reacted) else None
    db.execute(_MOVE_HEAD, (event.seq, event.room))
    db.execute(
        _INSERT,
        (
            event.room,
            event.seq,
            event.at,
            plain(event.author),
            plain(event.device),
            request,
            BODY_KINDS[type(body)],
            target,
            write_body(body),
        ),
    )
    if db.announces:
        note_room_advanced(db, event.at, event.room, event.seq)


def find_request(db: sqlite3.Connection, author: UserName, request: RequestId) -> LogEvent | None:
    """Return the event that this request of this author appended before."""
    row = db.execute(_BY_REQUEST, (plain(author), request)).fetchone()
    return None if row is None else read_event_if_possible(row[0], row[1:])


def is_same(earlier: LogEvent, event: AppendEvent) -> bool:
    """Return whether a repeated request says what the first one said.

    Of a deleted event nothing is left to compare but its kind; a time that the request gave as a span
    ends later in the repetition, by as much as it comes later. A sealed message says what only its readers
    know, and is sealed anew for another epoch: the id alone tells that it is the same.
    """
    before, body = earlier.body, event.body
    if isinstance(before, Unreadable):
        return True  # nothing is left to compare, and a second message would be worse than a wrong answer
    if isinstance(before, Blank):
        return before.was == BODY_KINDS[type(body)]
    if isinstance(body, EncryptedMessage) and isinstance(before, EncryptedMessage):
        return before.blanks == body.blanks
    if isinstance(body, Banned | Muted) and isinstance(before, type(body)) and body.until and before.until:
        body = replace(body, until=Millis(body.until - event.at + earlier.at))
    if isinstance(before, MembershipChange):
        before = replace(before, members=None)  # the store wrote it
    if isinstance(before, Joined) and isinstance(body, Joined):
        return True  # which statement comes with it may be the store's own choice
    return before == body
