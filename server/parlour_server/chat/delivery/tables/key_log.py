"""The key log: a Merkle tree, each entry with the hash of the largest complete subtree that ends with it.

Entries are appended in the transaction of the change, and never changed or removed; the primary key refuses a
second entry with the same number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parlour_protocol.frames.opaque import LogEntryBytes
from parlour_protocol.identity import Head, PolicyEntry
from parlour_protocol.identity.key_log import POLICY_PREFIX, decode_entry, encode_entry
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.merkle import Tree
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer

_NEWEST_POLICY: Final = "SELECT entry FROM key_log WHERE substr(entry, 1, 8) = ? ORDER BY number DESC LIMIT 1"


@dataclass(eq=False)
class KeyLogStore:
    """The log of keys: account keys, certificates, revocations (``Devices`` appends these), and policies."""

    writer: Writer
    readers: Readers

    async def publish_policy(self, at: Millis, policy: bytes, *, is_empty: bool) -> bool:
        """Append the operator's policy for people's devices, unless the newest one is the same.

        An empty policy only follows another one. Returns whether it was appended.
        """
        entry = LogEntryBytes(encode_entry(PolicyEntry(at, policy)))

        def write(db: WriteConnection) -> bool:
            row = db.execute(_NEWEST_POLICY, (POLICY_PREFIX,)).fetchone()
            newest = None if row is None else decode_entry(row[0])
            if is_empty if newest is None else isinstance(newest, PolicyEntry) and newest.policy == policy:
                return False
            append_entry(db, entry)
            return True

        return await self.writer.submit(write)

    async def head(self) -> Head:
        """Return the head of the whole log."""
        return await self.readers.run(_head)

    async def page(self, *, after: int, limit: int) -> tuple[Sequence[LogEntryBytes], Head]:
        """Return the entries after number ``after``, and the matching head of the whole log."""

        def read(db: Connection) -> tuple[list[LogEntryBytes], Head]:
            # The head first: later entries are left out, so the two match without a transaction.
            head = _head(db)
            rows = db.execute(
                "SELECT entry FROM key_log WHERE number > ? AND number <= ? ORDER BY number LIMIT ?",
                (after, head.size, limit),
            )
            return [LogEntryBytes(entry) for (entry,) in rows], head

        return await self.readers.run(read)


def append_entry(db: Connection, entry: LogEntryBytes) -> None:
    """Append an entry to the log."""
    tree = _tree(db).after(entry)
    db.execute(
        "INSERT INTO key_log (number, entry, subtree) VALUES (?, ?, ?)",
        (tree.size, bytes(entry), tree.subtrees[-1]),
    )


def _head(db: Connection) -> Head:
    return Head.of(_tree(db))


def _tree(db: Connection) -> Tree:
    (size,) = db.execute("SELECT coalesce(max(number), 0) FROM key_log").fetchone()
    if not size:
        return Tree()
    ends = Tree.ends(size)
    marks = ", ".join("?" for _ in ends)
    query = f"SELECT subtree FROM key_log WHERE number IN ({marks}) ORDER BY number"  # noqa: S608 - marks only
    return Tree(size, tuple(subtree for (subtree,) in db.execute(query, tuple(ends))))
