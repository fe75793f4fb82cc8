"""Appends an entry: the check of its author's session and of its decision, its effects, its number.

An append is one transaction, which shares its commit with other writes, and refusals come before any change.
Entries are never ordered by time: setting the clock back changes timestamps, not the order. An engine for
which each statement is a journey (PostgreSQL) runs a batch of plain appends together: one statement reads the
facts of all, one appends the rows. The rules are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar, Final, Generic

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, Seq
from parlour_server.app.log.kind import A, AnyAppend, Base, DecideBytes, E, F, LogKind, Row
from parlour_server.app.log.log import Appended
from parlour_server.core.errors import RefusedError, SessionRefusedError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.journal import add_entry

ENTRY_COLUMNS: Final = "seq, at, author, device, body"
"""The columns of ``LogKind.read``."""
_BEGIN: Final = "INSERT INTO logs (log, head, bytes) VALUES (?, 0, 0) ON CONFLICT DO NOTHING"
_MOVE_HEAD: Final = "UPDATE logs SET head = ?, bytes = bytes + ?, state = coalesce(?, state) WHERE log = ?"
_INSERT: Final = (
    "INSERT INTO entries (log, seq, at, author, device, request, kind, target, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BY_REQUEST: Final = f"SELECT log, {ENTRY_COLUMNS} FROM entries WHERE author = ? AND request = ?"  # noqa: S608 - columns of ours
_OWN_BY_KEY: Final = (
    f"SELECT log, {ENTRY_COLUMNS} FROM entries WHERE author IS NULL AND log = ? AND request = ?"  # noqa: S608 - columns of ours
)
_BEGIN_MANY: Final = (
    "INSERT INTO logs (log, head, bytes) SELECT log, 0, 0 FROM unnest(?::text[]) AS new (log)"
    " ON CONFLICT DO NOTHING"
)
_INSERT_MANY: Final = """
    INSERT INTO entries (log, seq, at, author, device, request, kind, target, body)
    SELECT * FROM unnest(
        ?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[],
        ?::bytea[]
    )
"""
_MOVE_HEADS: Final = """
    UPDATE logs SET head = moved.head, bytes = moved.bytes, state = moved.state
    FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::bytea[]) AS moved (log, head, bytes, state)
    WHERE logs.log = moved.log
"""
_NO_LOG: Final = Base(Seq(0), 0, None)


def _base_of(append: AnyAppend, row: Row) -> Base | None:
    """Return the log as the one SELECT found it; None if this request appended an entry before.

    Raises SessionRefusedError: the author's session has ended, perhaps while the request waited (S1).
    """
    head, size, state, repeats, has_session = row[:5]
    if append.session is not None and not has_session:
        raise SessionRefusedError
    if repeats is not None:
        return None
    return _NO_LOG if head is None else Base(head, size, state)


@dataclass(frozen=True, slots=True)
class Append(Generic[A, E, F]):
    """The write of an append by itself."""

    kind: LogKind[A, E, F]
    log: str
    append: A
    decide: DecideBytes[A, F]
    now: Millis
    """By the clock that ends sessions."""

    may_have_effects: ClassVar[bool] = True

    def __call__(self, db: WriteConnection) -> Appended[E]:
        """Append, if ``decide`` allows it. Raises RefusedError or SessionRefusedError."""
        kind, log, append = self.kind, self.log, self.append
        asked = (append.author and plain(append.author), log, plain(append.request), append.session)
        query = kind.select_own if append.author is None else kind.select
        row = db.execute(query, (*asked, self.now)).fetchone()
        base = _base_of(append, row)
        if base is None:
            return _replay(db, kind, log, append)
        facts = kind.facts(append, base, row[5:], None)
        if not kind.exists(base, facts):
            self.decide(append, facts)
            raise RefusedError(ErrorCode.NOT_FOUND, f"there is no such {kind.called}")
        facts = kind.more(db, append, facts)
        new = self.decide(append, facts)
        state = base.state if new is None else new
        entry = kind.entry(append, Seq(base.head + 1))
        also: Sequence[E] = ()
        is_plain = not self.may_have_effects and kind.stays_plain(facts)
        if not is_plain:
            entry, also = kind.apply(db, append, facts, entry)
        if not base.head:
            db.execute(_BEGIN, (log,))
        insert(db, kind, log, entry, append.request, new)
        if is_plain:
            return Appended(entry, state=state)
        for other in also:
            insert(db, kind, log, other, None)
        return Appended(entry, also=tuple(also), state=state, answer=kind.answer(db, append))


class PlainAppend(Append[A, E, F]):
    """The write of an append that changes nothing but the log: almost all of them."""

    __slots__ = ()
    may_have_effects = False

    @classmethod
    def together(cls, db: WriteConnection, writes: Sequence["PlainAppend[Any, Any, Any]"]) -> list[object]:
        """Append these in order; returns for each an Appended, or the error that refuses it."""
        if db.announces:  # to the journal, one by one
            return [_outcome(write, db) for write in writes]
        results: list[object] = []
        for _, some in groupby(writes, key=lambda write: write.kind.select_together):
            results += _Batch(db, list(some)).run()
        return results


def insert(
    db: WriteConnection,
    kind: LogKind[Any, E, Any],
    log: str,
    entry: E,
    request: str | None,
    state: bytes | None = None,
) -> None:
    """Append an entry with the number after the log's head, advance the head, and announce it.

    ``request`` is None for an entry that followed from another one.
    """
    author = None if entry.author is None else plain(entry.author)
    device, tag, target, body = kind.columns_of(entry)
    db.execute(_MOVE_HEAD, (entry.seq, len(body), state, log))
    db.execute(
        _INSERT, (log, entry.seq, entry.at, author, device, request and plain(request), tag, target, body)
    )
    if db.announces:
        add_entry(db, entry.at, log=log, seq=entry.seq)
    elif db.is_shared and (who := kind.concerns(entry)) is not None:
        add_entry(db, entry.at, account=plain(who), log=log, seq=entry.seq)


def find_earlier(db: Connection, author: str | None, log: str, request: str) -> tuple[str, Row] | None:
    """Return the log and the row of what this request, or this key of the program's own, appended before."""
    if author is None:
        row = db.execute(_OWN_BY_KEY, (log, plain(request))).fetchone()
    else:
        row = db.execute(_BY_REQUEST, (plain(author), plain(request))).fetchone()
    return None if row is None else (row[0], row[1:])


def _replay(db: WriteConnection, kind: LogKind[A, E, F], log: str, append: A) -> Appended[E]:
    """Return what this request already appended. Raises RefusedError if that was something else."""
    earlier = find_earlier(db, append.author, log, append.request)
    entry = None if earlier is None else kind.repeated(append, *earlier)
    if entry is None:
        raise RefusedError(ErrorCode.CONFLICT, "this request id was used for something else")
    return Appended(entry, replay=True, answer=kind.answer(db, append))


def _outcome(write: PlainAppend[Any, Any, Any], db: WriteConnection) -> object:
    try:
        return write(db)
    except (RefusedError, SessionRefusedError) as error:
        return error


class _Batch:
    """Plain appends whose kinds read the same facts."""

    def __init__(self, db: WriteConnection, writes: list[PlainAppend[Any, Any, Any]]) -> None:
        self._db = db
        self._writes = writes
        self._bases: dict[str, Base] = {}
        """The logs as they are after the appends so far."""
        self._moved: dict[str, None] = {}
        self._rows: list[tuple[object, ...]] = []
        self._new: list[str] = []

    def run(self) -> list[object]:
        """Append them."""
        appends = [write.append for write in self._writes]
        kind = self._writes[0].kind
        asked = (
            [plain(append.author) for append in appends],
            [write.log for write in self._writes],
            [plain(append.request) for append in appends],
            [append.session for append in appends],
            [write.now for write in self._writes],
        )
        rows = self._db.execute(kind.select_together, asked).fetchall()
        requests: set[tuple[str, str]] = set()
        results: list[object] = []
        for write, row, beside in zip(self._writes, rows, kind.beside(self._db, appends), strict=True):
            request = (write.append.author, write.append.request)
            try:
                base, appended = _base_of(write.append, row), None
                if base is not None and request not in requests:
                    appended = self._append(write, base, row[5:], beside)
                results.append(self._by_itself(write) if appended is None else appended)
            except (RefusedError, SessionRefusedError) as error:
                results.append(error)
            requests.add(request)
        self._store()
        return results

    def _append(
        self, write: PlainAppend[Any, Any, Any], base: Base, row: Row, beside: Any
    ) -> Appended[Any] | None:
        """Append one to what waits; None if it must be by itself."""
        kind, log, append = write.kind, write.log, write.append
        base = self._bases.get(log, base)
        facts = kind.facts(append, base, row, beside)
        if not kind.exists(base, facts) or not kind.stays_plain(facts):
            return None
        new = write.decide(append, facts)
        state = base.state if new is None else new
        entry = kind.entry(append, Seq(base.head + 1))
        device, tag, target, body = kind.columns_of(entry)
        author, request = plain(append.author), plain(append.request)
        if not base.head:
            self._new.append(log)
        self._rows.append((log, entry.seq, entry.at, author, device, request, tag, target, body))
        self._bases[log] = Base(entry.seq, base.size + len(body), state)
        self._moved[log] = None
        return Appended(entry, state=state)

    def _by_itself(self, write: PlainAppend[Any, Any, Any]) -> Appended[Any]:
        self._store()  # it may read it
        appended = write(self._db)
        log = write.log
        row = self._db.execute("SELECT head, bytes, state FROM logs WHERE log = ?", (log,)).fetchone()
        self._bases[log] = Base(*row)
        return appended

    def _store(self) -> None:
        """Append the rows that wait, and advance the heads of their logs."""
        if not self._rows:
            return
        if self._new:
            self._db.execute(_BEGIN_MANY, (self._new,))
        self._db.execute(_INSERT_MANY, tuple(map(list, zip(*self._rows, strict=True))))
        bases = [self._bases[log] for log in self._moved]
        self._db.execute(
            _MOVE_HEADS,
            (
                list(self._moved),
                [base.head for base in bases],
                [base.size for base in bases],
                [base.state for base in bases],
            ),
        )
        self._rows.clear()
        self._new.clear()
        self._moved.clear()
