"""The key log: a hash chain, each entry with the resulting head of the log.

Entries are appended in the transaction of the change, and never changed or removed; the primary key refuses a
second entry with the same number.
"""

from collections.abc import Sequence

from parlour_protocol.frames.opaque import LogEntryBytes
from parlour_protocol.identity import Head
from parlour_server.kit.store.engine.connection import Connection
from parlour_server.kit.store.engine.readers import Readers
from parlour_server.store.types import NewEntry


class SqlKeyLog:
    """Reads the log."""

    def __init__(self, readers: Readers) -> None:
        """Read through ``readers``."""
        self._readers = readers

    async def head(self) -> Head | None:
        """Return the head of the whole log, None while it is empty."""
        return await self._readers.run(_head)

    async def page(self, *, after: int, limit: int) -> tuple[Sequence[LogEntryBytes], Head | None]:
        """Return the entries after number ``after``, and the matching head of the whole log."""

        def read(db: Connection) -> tuple[list[LogEntryBytes], Head | None]:
            # The head first: later entries are left out, so the two match without a transaction.
            head = _head(db)
            rows = db.execute(
                "SELECT entry FROM key_log WHERE number > ? AND number <= ? ORDER BY number LIMIT ?",
                (after, 0 if head is None else head.size, limit),
            )
            return [LogEntryBytes(entry) for (entry,) in rows], head

        return await self._readers.run(read)


def append_entry(db: Connection, entry: NewEntry) -> None:
    """Append an entry to the log."""
    head = (_head(db) or entry.start).after(entry.data)
    db.execute(
        "INSERT INTO key_log (number, entry, digest) VALUES (?, ?, ?)",
        (head.size, bytes(entry.data), head.digest),
    )


def _head(db: Connection) -> Head | None:
    row = db.execute("SELECT number, digest FROM key_log ORDER BY number DESC LIMIT 1").fetchone()
    return None if row is None else Head(*row)
