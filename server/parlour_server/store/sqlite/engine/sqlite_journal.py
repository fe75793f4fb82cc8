"""The journal: what running servers must hear about, written in the transaction that it reports.

Nothing in it is content: session ids, room ids, numbers. Every event of a process without a bus is in it
(`rooms/event_rows.py`). Entries that every server has polled long ago
are pruned. The other parts call ``note_…``; servers poll ``since``.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from parlour_protocol.ids import Millis, RoomId, Seq, SessionId
from parlour_protocol.names import UserName
from parlour_server.store.sqlite.engine.column_values import plain, user_name
from parlour_server.store.sqlite.engine.readers import Readers
from parlour_server.store.types import DevicesChanged, JournalEntry, RoomAdvanced, SessionEnded

KEEP_MILLIS: Final = 3_600_000
KEEP_ENTRIES: Final = 1_000
"""Kept whatever their age, because a clock that jumps ahead makes everything look old."""
_AT_ONCE: Final = 20


def note_session_ended(db: sqlite3.Connection, at: Millis, session: SessionId, user: UserName) -> None:
    """Tell every server to close the sockets of this session."""
    _prune(db, at)
    db.execute(
        "INSERT INTO journal (at, session, account) VALUES (?, ?, ?)", (at, plain(session), plain(user))
    )


def note_room_advanced(db: sqlite3.Connection, at: Millis, room: RoomId, seq: Seq) -> None:
    """Tell running servers to read this room up to ``seq``."""
    _prune(db, at)
    db.execute("INSERT INTO journal (at, room, seq) VALUES (?, ?, ?)", (at, room, seq))


def note_devices_changed(db: sqlite3.Connection, at: Millis, user: UserName) -> None:
    """Tell running servers that this account has another key, or other devices that count."""
    _prune(db, at)
    db.execute("INSERT INTO journal (at, account) VALUES (?, ?)", (at, plain(user)))


def _prune(db: sqlite3.Connection, at: Millis) -> None:
    # No more than a few at a time: after a busy hour one write must not remove all of it.
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
        """Return the entries after this number, in order: one look at the end of a B-tree."""

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
