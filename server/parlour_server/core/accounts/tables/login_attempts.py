"""Failed logins by key, so that they survive a restart (P5).

Keys are opaque. Failures older than a week are pruned, so an attacker with many addresses cannot fill the
disk.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_server.core.store.engine.connection import ANYWHERE, Connection, WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.records import Failures

KEEP_MILLIS: Final = 7 * 86_400_000
"""Older failures are pruned, unless the caller keeps them longer."""
_AT_ONCE: Final = 20
"""More than are added, so that the table shrinks, and few enough that no login waits."""


class Attempts:
    """Failed logins by key (an account, an address), kept across restarts (P5: guessing)."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def failures(self, keys: Iterable[str]) -> Failures:
        """Return for each key that has any: the number of failures, and when the last one was."""
        wanted = list(keys)
        return await self._readers.run(lambda db: _failures(db, wanted))

    async def add(self, keys: Iterable[str], now: Millis, *, forget_after: Millis) -> None:
        """Add a failure for each key; after ``forget_after`` ms without one, counting starts again.

        Old ones are pruned first.
        """
        noted = list(keys)
        await self._writer.submit(lambda db: _add(db, noted, now, forget_after), within=ANYWHERE)

    async def begin(
        self,
        keys: Iterable[str],
        now: Millis,
        check: Callable[[Failures], Sequence[str]],
        *,
        forget_after: Millis,
    ) -> Sequence[str]:
        """Add one for each key that ``check`` returns, unless it raises; returns these keys.

        In one transaction, beside which no other of any server runs. ``check`` gets the failures of ``keys``
        and must be pure. The keys returned are those of attempts under way.
        """
        wanted = list(keys)

        def write(db: WriteConnection) -> Sequence[str]:
            counted = check(_failures(db, wanted))
            _add(db, counted, now, forget_after)
            return counted

        # alone: of attempts that begin at once, at any number of servers, each sees those before
        return await self._writer.submit(write)

    async def end(
        self,
        begun: Iterable[str],
        now: Millis,
        *,
        failed: Mapping[str, Millis] | None = None,
        clear: Iterable[str] = (),
    ) -> None:
        """End an attempt under way: take back one for each key that ``begin`` returned.

        Adds a failure for each key of ``failed`` (with its ``forget_after``), and forgets those of ``clear``.
        """
        ended, cleared = [(key,) for key in sorted(begun)], [(key,) for key in sorted(clear)]
        added = sorted((failed or {}).items())

        def write(db: WriteConnection) -> None:
            db.executemany("UPDATE attempts SET failures = failures - 1 WHERE key = ?", ended)
            db.executemany("DELETE FROM attempts WHERE key = ? AND failures <= 0", ended)
            db.executemany("DELETE FROM attempts WHERE key = ?", cleared)
            for key, forget_after in added:
                _add(db, [key], now, forget_after)

        await self._writer.submit(write, within=ANYWHERE)


def _failures(db: Connection, keys: Iterable[str]) -> Failures:
    found: Failures = {}
    for key in keys:
        row = db.execute("SELECT failures, last FROM attempts WHERE key = ?", (key,)).fetchone()
        if row is not None:
            found[key] = row
    return found


def _add(db: WriteConnection, keys: Iterable[str], now: Millis, forget_after: Millis) -> None:
    """Add one for each key; old ones are pruned first."""
    db.execute(
        "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts WHERE last < ? ORDER BY last LIMIT ?)",
        (now - max(forget_after, KEEP_MILLIS), _AT_ONCE),
    )
    db.executemany(
        "INSERT INTO attempts (key, failures, last) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET"
        " failures = CASE WHEN attempts.last < ? THEN 1 ELSE attempts.failures + 1 END,"
        " last = excluded.last",
        [(key, now, now - forget_after) for key in sorted(keys)],
    )
