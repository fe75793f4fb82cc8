"""The logs of a kind in a store: appends to them (`append.py`), and reads pages of them (`pages.py`)."""

import json
from asyncio import Future, shield
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.limits import PAGE_BYTES
from parlour_server.app.log.append import Append, PlainAppend
from parlour_server.app.log.kind import A, DecideBytes, E, F, LogKind
from parlour_server.app.log.log import Appended, LogId, LogRecord, Page
from parlour_server.app.log.pages import read_page
from parlour_server.core.clock import Clock, SteadyClock
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer

T = TypeVar("T")

_MOST_NOTED: Final = 1000
"""The most damaged entries that one process logs; each is logged once."""


class StoredLog(Generic[A, E, F]):
    """Logs whose entries are numbered 1, 2, 3, … in the order of their transactions."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock, kind: LogKind[A, E, F]) -> None:
        """Use the store's writer and readers; ``clock`` ends sessions."""
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self.dates: Final = clock.system if isinstance(clock, SteadyClock) else clock
        """Dates entries, for people: it follows the system's clock if that is set."""
        self.kind: Final = kind
        self.on_appended: Callable[[str, Appended[E]], None] | None = None
        """Called with each append to a log that is on disk: a running server's fan-out sets it, and tells."""
        self._noted: set[tuple[str, Seq]] = set()

    def append(self, append: A, decide: DecideBytes[A, F]) -> "Future[Appended[E]]":
        """Append one entry, with its effects; a running server then tells of it, whoever waits for it.

        Calls ``decide`` in the transaction, in another thread, perhaps twice. The future completes when the
        entry is on disk: with the entry, RefusedError (from ``decide``, or CONFLICT if the request id was
        used for something else), SessionRefusedError or UnavailableError. One caller keeps its order.
        Repeating the same author, request and content returns the first entry, with ``replay``.
        """
        kind = self.kind
        log = kind.log_of(append)
        within = f"log:{log}" if kind.is_within(append) else None
        made = PlainAppend if kind.is_plain(append) else Append
        write = made(kind, log, append, decide, self._clock.now())
        then = None if self.on_appended is None else partial(self.on_appended, log)
        return self._writer.submit(write, within=within, then=then)

    async def commit(self, append: A, decide: DecideBytes[A, F]) -> Appended[E]:
        """Append one entry, and return when it is told, too; it is also told if the caller is cancelled."""
        return await shield(self.append(append, decide))

    async def run(
        self, write: Callable[[WriteConnection], T], appended: Callable[[T], tuple[str, Appended[E]] | None]
    ) -> T:
        """Run a write that appends by ``insert``; returns when what ``appended`` says it did is told."""

        def then(value: T) -> None:
            if self.on_appended is not None and (made := appended(value)) is not None:
                self.on_appended(*made)

        return await shield(self._writer.submit(write, then=then))

    async def page(
        self,
        log: str,
        *,
        after: Seq | None,
        before: Seq | None = None,
        limit: int,
        max_bytes: int = PAGE_BYTES.value,
    ) -> Page[E]:
        """Return a page.

        ``after``: the ones next above; else ``before``: the ones next below; neither: the newest. At most
        ``limit`` entries and ``max_bytes`` of bodies (but at least one entry).
        """
        read = partial(read_page, log=log, after=after, before=before, limit=limit, max_bytes=max_bytes)
        page: Page[E] = await self._readers.run(lambda db: read(db, self.kind))
        for seq in page.damaged:
            if (log, seq) not in self._noted and len(self._noted) < _MOST_NOTED:
                self._noted.add((log, seq))
                self.kind.warn_unreadable(log, seq)
        return page

    async def heads(self, logs: Collection[str]) -> Mapping[str, Seq]:
        """Return the numbers of the newest entries of those of these logs that have begun, in one read."""
        query = "SELECT log, head FROM logs WHERE log IN (SELECT value FROM json_each(?))"

        def read(db: Connection) -> dict[str, Seq]:
            return dict(db.execute(query, (json.dumps([plain(log) for log in logs]),)).fetchall())

        return await self._readers.run(read)

    async def find(self, log: LogId) -> LogRecord[bytes] | None:
        """Return a log, None if it has not begun."""
        query = "SELECT log, head, state FROM logs WHERE log = ?"

        def read(db: Connection) -> LogRecord[bytes] | None:
            row = db.execute(query, (plain(log),)).fetchone()
            return None if row is None else LogRecord(*row)

        return await self._readers.run(read)

    async def list(
        self, *, prefix: str, after: LogId | None = None, limit: int
    ) -> tuple[Sequence[LogRecord[bytes]], bool]:
        """Return logs whose ids begin with ``prefix``, in order of id, and whether more follow."""

        def read(db: Connection) -> tuple[list[LogRecord[bytes]], bool]:
            rows = db.execute(
                "SELECT log, head, state FROM logs"
                " WHERE log >= ?1 AND log > ?2 AND substr(log, 1, length(?1)) = ?1 ORDER BY log LIMIT ?3",
                (prefix, plain(after or ""), limit + 1),
            )
            found = [LogRecord(*row) for row in rows]
            return found[:limit], len(found) > limit

        return await self._readers.run(read)
