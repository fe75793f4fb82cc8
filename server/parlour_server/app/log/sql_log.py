"""Logs: an append is one transaction, which shares its commit with other writes.

Refusals come before any change. A commit that fails leaves neither the entry nor the state.
"""

import json
from asyncio import Future
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.limits import PAGE_BYTES
from parlour_protocol.kit.names import UserName
from parlour_server.app.log.log import (
    BODY_BYTES,
    LOG_ID,
    Appended,
    Decide,
    Entry,
    Facts,
    LogAdvanced,
    LogId,
    LogRecord,
)
from parlour_server.core.accounts.tables.sessions import is_live
from parlour_server.core.clock import Clock, SteadyClock
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.journal import add_entry
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.retention import BATCH
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.records import TicketGrant

JOURNAL_COLUMNS: Final = ("log", "seq")
"""The columns of ``read_journal_entry``."""
_ENTRY: Final = "log, seq, at, author, body"


def read_journal_entry(log: LogId, seq: Seq) -> LogAdvanced:
    """Return an entry of the journal from its ``JOURNAL_COLUMNS``."""
    return LogAdvanced(log, seq)


def _change_author(db: WriteConnection, user: UserName, pseudonym: UserName) -> int:
    found = db.execute(
        "SELECT log, seq FROM entries WHERE author = ? LIMIT ?", (plain(user), BATCH)
    ).fetchall()
    db.executemany(
        "UPDATE entries SET author = ? WHERE log = ? AND seq = ?",
        [(plain(pseudonym), *row) for row in found],
    )
    return len(found)


def log_damage(db: Connection, tables: frozenset[str]) -> Iterator[str]:
    """Return logs whose numbers have gaps, as sentences."""
    if "logs" not in tables:
        yield "it holds no logs"
        return
    for log, head, count in db.execute(
        "SELECT l.log, l.head, count(e.seq) FROM logs l LEFT JOIN entries e USING (log)"
        " GROUP BY l.log HAVING count(e.seq) != l.head OR max(e.seq) != l.head"
    ):
        yield f"log {log!a} has {count} entries, and should have {head}"


class SqlLog:
    """All logs of a program."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        """Use the store's writer and readers.

        ``clock`` ends sessions. Entries are dated for people, so by the system's clock, also if that was set.
        """
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._dates = clock.system if isinstance(clock, SteadyClock) else clock

    def append(
        self, author: TicketGrant, request: RequestId, log: LogId, body: bytes, decide: Decide[bytes]
    ) -> "Future[Appended[bytes]]":
        """Append an entry if ``decide`` allows it.

        The future completes when the entry is on disk, or with RefusedError (from ``decide``; FORBIDDEN: the
        author's session has ended; CONFLICT: the account used this request id for something else), or with
        UnavailableError. One caller's entries keep their order. Raises ValueError for an id or a body that is
        too long.
        """
        return self._submit(author, request, log, body, decide)

    def append_own(
        self, key: str, log: LogId, body: bytes, decide: Decide[bytes]
    ) -> "Future[Appended[bytes]]":
        """Append an entry of the program itself, for which no one needs a session; otherwise as ``append``.

        ``key`` stands for the request id: an entry is appended once for each key of this log, so work that
        was interrupted may run again. At most ``LOG_ID`` characters.
        """
        if not 0 < len(key) <= LOG_ID:
            raise ValueError(f"a key has 1 to {LOG_ID} characters, not {len(key)}")
        return self._submit(None, key, log, body, decide)

    def _submit(
        self, author: TicketGrant | None, request: str, log: LogId, body: bytes, decide: Decide[bytes]
    ) -> "Future[Appended[bytes]]":
        if not 0 < len(log) <= LOG_ID:
            raise ValueError(f"a log's id has 1 to {LOG_ID} characters, not {len(log)}")
        _refuse_long(body)
        return self._writer.submit(
            partial(
                _append,
                author=author,
                request=request,
                log=log,
                body=body,
                at=self._dates.now(),
                now=self._clock.now(),
                decide=decide,
            ),
            within=f"log:{log}",
        )

    async def page(
        self, log: LogId, *, after: Seq, limit: int, max_bytes: int = PAGE_BYTES.value
    ) -> tuple[Sequence[Entry[bytes]], bool]:
        """Return the entries above ``after``, in order, and whether more follow.

        At most ``limit`` entries and ``max_bytes`` of bodies, but at least one entry if there is one.
        """

        def read(db: Connection) -> tuple[list[Entry[bytes]], bool]:
            rows = db.execute(
                f"SELECT {_ENTRY} FROM entries WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 - columns of ours
                (plain(log), after, limit + 1),
            )
            found: list[Entry[bytes]] = []
            size = 0
            for row in rows:
                entry = _entry(*row)
                size += len(entry.body)
                if len(found) == limit or (found and size > max_bytes):
                    return found, True
                found.append(entry)
            return found, False

        return await self._readers.run(read)

    async def count_of(self, user: UserName) -> int:
        """Return how many entries someone wrote, in all logs."""
        query = "SELECT count(*) FROM entries WHERE author = ?"
        return await self._readers.row(int, query, plain(user)) or 0

    async def change_author(self, user: UserName, pseudonym: UserName) -> int:
        """Make ``pseudonym`` the author of what someone wrote, a batch at a time; returns how many."""
        changed = 0
        while user != pseudonym and (
            some := await self._writer.submit(partial(_change_author, user=user, pseudonym=pseudonym))
        ):
            changed += some
        return changed

    async def written_by(self, user: UserName) -> AsyncIterator[tuple[LogId, Seq, Millis, bytes]]:
        """Yield what someone wrote, log by log."""
        query = "SELECT DISTINCT log FROM entries WHERE author = ? ORDER BY log"
        for log in await self._readers.rows(str, query, plain(user)):
            after = Seq(0)
            while page := await self._readers.rows(
                lambda *row: row,
                "SELECT log, seq, at, body FROM entries WHERE log = ? AND author = ? AND seq > ?"
                " ORDER BY seq LIMIT ?",
                log,
                plain(user),
                after,
                BATCH,
            ):
                for row in page:
                    yield row
                after = page[-1][1]

    async def head(self, log: LogId) -> Seq:
        """Return the number of the newest entry, 0 for a log that has not begun."""
        return (await self.heads((log,)))[log]

    async def heads(self, logs: Sequence[LogId]) -> Mapping[LogId, Seq]:
        """Return the same for many logs, in one read."""

        def read(db: Connection) -> dict[LogId, Seq]:
            listed = json.dumps([plain(log) for log in logs])
            rows = db.execute("SELECT log, head FROM json_each(?) JOIN logs ON log = value", (listed,))
            return dict.fromkeys(logs, Seq(0)) | {LogId(log): Seq(head) for log, head in rows}

        return await self._readers.run(read)

    async def find(self, log: LogId) -> LogRecord[bytes] | None:
        """Return a log, None if it has not begun."""
        return await self._readers.run(partial(_find, log=log))

    async def list(
        self, *, prefix: str = "", after: LogId | None = None, limit: int
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


def _append(
    db: WriteConnection,
    author: TicketGrant | None,
    request: str,
    log: LogId,
    body: bytes,
    at: Millis,
    now: Millis,
    decide: Decide[bytes],
) -> Appended[bytes]:
    # In the transaction: the frame may have waited while the session ended (S1).
    if author is not None and not is_live(db, author.session, now):
        raise RefusedError(ErrorCode.FORBIDDEN, "this session has ended")
    user = None if author is None else author.user
    earlier = _earlier(db, user, request, log)
    if earlier is not None:
        entry = _entry(*earlier)
        if (entry.log, entry.body) != (log, body):
            raise RefusedError(ErrorCode.CONFLICT, "this request id was used for something else")
        return Appended(entry, replay=True)
    found = _find(db, log)
    head, before = (Seq(0), None) if found is None else (found.head, found.state)
    state = decide(Facts(head, before, user, at))
    if state is not None:
        _refuse_long(state)
    entry = Entry(log, Seq(head + 1), at, user, body)
    db.execute(
        "INSERT INTO logs (log, head, bytes, state) VALUES (?, ?, ?, ?) ON CONFLICT (log) DO UPDATE"
        " SET head = excluded.head, bytes = logs.bytes + excluded.bytes,"
        " state = coalesce(excluded.state, logs.state)",
        (plain(log), entry.seq, len(body), state),
    )
    db.execute(
        "INSERT INTO entries (log, seq, at, author, request, kind, body) VALUES (?, ?, ?, ?, ?, '', ?)",
        (plain(log), entry.seq, at, user and plain(user), plain(request), body),
    )
    if db.announces:
        add_entry(db, at, log=plain(log), seq=entry.seq)
    return Appended(entry)


def _earlier(db: WriteConnection, user: UserName | None, request: str, log: LogId) -> tuple[Any, ...] | None:
    """Return the entry that this request, or this key of the program's own, appended before."""
    if user is None:
        where, values = "author IS NULL AND log = ? AND request = ?", (plain(log), plain(request))
    else:
        where, values = "author = ? AND request = ?", (plain(user), plain(request))
    row: tuple[Any, ...] | None = db.execute(
        f"SELECT {_ENTRY} FROM entries WHERE {where}",  # noqa: S608 - columns of ours
        values,
    ).fetchone()
    return row


def _find(db: Connection, log: LogId) -> LogRecord[bytes] | None:
    row = db.execute("SELECT log, head, state FROM logs WHERE log = ?", (plain(log),)).fetchone()
    return None if row is None else LogRecord(*row)


def _entry(log: LogId, seq: Seq, at: Millis, author: str | None, body: bytes) -> Entry[bytes]:
    return Entry(log, seq, at, None if author is None else user_name(author), body)


def _refuse_long(content: bytes) -> None:
    if len(content) > BODY_BYTES:
        raise ValueError(f"{len(content)} bytes are more than the {BODY_BYTES} of an entry or a state")
