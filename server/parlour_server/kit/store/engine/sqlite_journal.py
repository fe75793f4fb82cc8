"""The journal: notifications for running servers, written in the transaction of the change.

It contains no content, only session ids, room ids and numbers. It has every event of a process without a bus
(`rooms/event_rows.py`). Old entries are pruned. Other modules call ``note_…``; servers poll ``since``.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.kit.store.engine.column_values import plain, user_name
from parlour_server.kit.store.engine.readers import Readers
from parlour_server.kit.store.records import JournalEntry, SessionEnded
from parlour_server.store.types import DevicesChanged, RoomAdvanced

KEEP_MILLIS: Final = 3_600_000
KEEP_ENTRIES: Final = 1_000
"""Entries kept whatever their age, because a clock that jumps ahead makes everything look old."""
_AT_ONCE: Final = 20


def note_session_ended(db: sqlite3.Connection, at: Millis, session: SessionId, user: UserName) -> None:
    """Notify servers to close the sockets of this session."""
    _prune(db, at)
    db.execute(
        "INSERT INTO journal (at, session, account) VALUES (?, ?, ?)", (at, plain(session), plain(user))
    )


def note_room_advanced(db: sqlite3.Connection, at: Millis, room: RoomId, seq: Seq) -> None:
    """Notify servers to read this room up to ``seq``."""
    _prune(db, at)
    db.execute("INSERT INTO journal (at, room, seq) VALUES (?, ?, ?)", (at, room, seq))


def note_devices_changed(db: sqlite3.Connection, at: Millis, user: UserName) -> None:
    """Notify servers that this account's key or active devices changed."""
    _prune(db, at)
    db.execute("INSERT INTO journal (at, account) VALUES (?, ?)", (at, plain(user)))


def _prune(db: sqlite3.Connection, at: Millis) -> None:
    # A few at a time: after a busy hour one write must not remove everything.
    db.execute(
        "DELETE FROM journal WHERE number IN (SELECT number FROM journal"
        " WHERE at < ? AND number <= (SELECT max(number) FROM journal) - ? ORDER BY at LIMIT ?)",
        (at - KEEP_MILLIS, KEEP_ENTRIES, _AT_ONCE),
    )


class SqliteJournal:
    """Reads the journal."""

    def __init__(self, readers: Readers) -> None:
        """Read through ``readers``."""
        self._readers = readers

    async def head(self) -> int:
        """Return the number of the newest entry, 0 for none."""
        return await self._readers.run(_head)

    async def since(self, number: int) -> Sequence[JournalEntry]:
        """Return the entries after this number, in order."""

        def read(db: sqlite3.Connection) -> list[JournalEntry]:
            rows = db.execute(
                "SELECT number, session, account, room, seq FROM journal WHERE number > ? ORDER BY number",
                (number,),
            )
            return [_entry(*row) for row in rows]

        return await self._readers.run(read)


def _head(db: sqlite3.Connection) -> int:
    newest: int = db.execute("SELECT coalesce(max(number), 0) FROM journal").fetchone()[0]
    return newest


def _entry(
    number: int, session: SessionId | None, account: str | None, room: RoomId | None, seq: Seq | None
) -> JournalEntry:
    if session is not None and account is not None:
        return JournalEntry(number, SessionEnded(session, user_name(account)))
    if room is not None and seq is not None:
        return JournalEntry(number, RoomAdvanced(room, seq))
    if account is not None:
        return JournalEntry(number, DevicesChanged(user_name(account)))
    raise ValueError(f"journal entry {number} is of no session, room or account")
