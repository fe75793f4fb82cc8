"""Failed logins by key, so that they survive a restart (P5).

Keys are opaque. Failures older than a week are pruned, so an attacker with many addresses cannot fill the
disk.
"""

from collections.abc import Iterable
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_server.kit.store.engine.connection import ANYWHERE, Connection, WriteConnection
from parlour_server.kit.store.engine.readers import Readers
from parlour_server.kit.store.engine.writer import Writer

KEEP_MILLIS: Final = 7 * 86_400_000
"""Older failures are pruned, unless the caller keeps them longer."""
_AT_ONCE: Final = 20
"""More than are added, so that the table shrinks, and few enough that no login waits."""


class SqlAttempts:
    """Failed logins by key."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        """Use the store's writer and readers."""
        self._writer = writer
        self._readers = readers

    async def failures(self, keys: Iterable[str], now: Millis) -> dict[str, tuple[int, Millis]]:  # noqa: ARG002 - forgetting is by ``add``
        """Return for each key that has any: the number of failures, and when the last one was."""
        wanted = list(keys)

        def read(db: Connection) -> dict[str, tuple[int, Millis]]:
            found: dict[str, tuple[int, Millis]] = {}
            for key in wanted:
                row = db.execute("SELECT failures, last FROM attempts WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = row
            return found

        return await self._readers.run(read)

    async def add(self, keys: Iterable[str], now: Millis, *, forget_after: Millis) -> None:
        """Add a failure for each key; old ones are pruned first."""
        noted = [(key, now, now - forget_after) for key in sorted(keys)]

        def write(db: WriteConnection) -> None:
            db.execute(
                "DELETE FROM attempts WHERE key IN"
                " (SELECT key FROM attempts WHERE last < ? ORDER BY last LIMIT ?)",
                (now - max(forget_after, KEEP_MILLIS), _AT_ONCE),
            )
            db.executemany(
                "INSERT INTO attempts (key, failures, last) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET"
                " failures = CASE WHEN attempts.last < ? THEN 1 ELSE attempts.failures + 1 END,"
                " last = excluded.last",
                noted,
            )

        await self._writer.submit(write, within=ANYWHERE)

    async def clear(self, keys: Iterable[str]) -> None:
        """Forget the keys."""
        forgotten = [(key,) for key in keys]

        def write(db: WriteConnection) -> None:
            db.executemany("DELETE FROM attempts WHERE key = ?", forgotten)

        await self._writer.submit(write, within=ANYWHERE)
