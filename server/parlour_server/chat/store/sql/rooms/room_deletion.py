"""Deletes rooms: at once for its members, who get one last event, and then its data, a batch at a time.

A deleted room is of the kind `deleted`, which no reader knows as a room: it has no name and no members, so
no one can find, read or enter it, and its name is free. The last event stays for a while, because running
servers learn of the deletion from it.
"""

from typing import Final

from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.retention import BATCH

_LAST_EVENT_MILLIS: Final = 120_000
"""How long the last event stays, at least."""
_DUE: Final = """
    SELECT r.room FROM rooms r JOIN logs l ON l.log = r.room
    LEFT JOIN entries e ON e.log = l.log AND e.seq = l.head
    WHERE r.kind = 'deleted' AND (e.at IS NULL OR e.at <= ?) ORDER BY r.room LIMIT ?
"""
_PARTS: Final = (
    ("reactions", ("room", "target", "reaction", "account"), "room = ?1"),
    ("pins", ("room", "target"), "room = ?1"),
    (
        "inbox",
        ("id",),
        "welcome IN (SELECT welcome FROM welcomes JOIN groups USING (group_id) WHERE room = ?1)",
    ),
    ("welcomes", ("welcome",), "group_id IN (SELECT group_id FROM groups WHERE room = ?1)"),
    ("contests", ("group_id", "account"), "group_id IN (SELECT group_id FROM groups WHERE room = ?1)"),
    ("group_devices", ("group_id", "device"), "group_id IN (SELECT group_id FROM groups WHERE room = ?1)"),
    ("epochs", ("group_id", "epoch"), "group_id IN (SELECT group_id FROM groups WHERE room = ?1)"),
    ("groups", ("group_id",), "room = ?1"),
    ("bans", ("room", "account"), "room = ?1"),
    ("mutes", ("room", "account"), "room = ?1"),
    ("entries", ("log", "seq"), "log = ?1"),
)
"""Tables with rows of a room, those that refer to others first."""


def room_deleted(db: WriteConnection, event: LogEvent, _body: object) -> None:
    """Take the room from everyone: its name, its members and its invitations."""
    room = event.room
    db.execute("DELETE FROM members WHERE room = ?", (room,))
    db.execute("DELETE FROM invitations WHERE room = ?", (room,))
    db.execute(
        "UPDATE rooms SET kind = 'deleted', name = NULL, skeleton = NULL, low = NULL, high = NULL,"
        " topic = '', members = 0 WHERE room = ?",
        (room,),
    )
    db.stale_wal = True


def due_rooms(db: Connection, now: Millis) -> list[RoomId]:
    """Return deleted rooms whose data can be removed."""
    return [RoomId(room) for (room,) in db.execute(_DUE, (now - _LAST_EVENT_MILLIS, BATCH))]


def remove_batch(db: WriteConnection, room: RoomId, parts: StoreParts) -> bool:
    """Remove a batch of a deleted room's data; False if only what others remove is left, or nothing."""
    db.stale_wal = True
    for table, key, which in (*parts.room_rows, *_PARTS):
        columns = ", ".join(key)
        order = "ORDER BY seq" if table == "entries" else ""
        query = f"SELECT {columns} FROM {table} WHERE {which} {order} LIMIT ?2"  # noqa: S608 - of ours
        rows = db.execute(query, (room, BATCH)).fetchall()
        if rows:
            match = " AND ".join(f"{column} = ?" for column in key)
            db.executemany(f"DELETE FROM {table} WHERE {match}", rows)  # noqa: S608 - of ours
            return True
    if not any(_has_rows(db, table, room) for table in parts.room_waits):
        gone = db.execute("DELETE FROM rooms WHERE room = ? AND kind = 'deleted'", (room,))
        if gone.rowcount:
            db.execute("DELETE FROM logs WHERE log = ?", (room,))
    return False


def _has_rows(db: WriteConnection, table: str, room: RoomId) -> bool:
    query = f"SELECT 1 FROM {table} WHERE room = ? LIMIT 1"  # noqa: S608 - of ours
    return db.execute(query, (room,)).fetchone() is not None
