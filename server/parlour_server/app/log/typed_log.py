"""The logs of one kind of an ``App``, with bodies and states of its own types, stored as JSON.

A kind keeps its logs apart from those of other kinds: what has one name in two kinds is two logs.
"""

import re
from asyncio import Future
from collections.abc import Callable, Sequence
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias

import msgspec
from msgspec import Struct

from parlour_protocol.kit.codec import check_numbers
from parlour_protocol.kit.fields import encode_field
from parlour_protocol.kit.ids import Millis, RequestId, Seq, SessionId
from parlour_protocol.kit.limits import PAGE_BYTES
from parlour_protocol.kit.names import UserName
from parlour_server.app.log.kind import Base, LogKind, Row
from parlour_server.app.log.log import (
    BODY_BYTES,
    LOG_ID,
    Appended,
    B,
    Decide,
    Entry,
    Facts,
    LogId,
    LogRecord,
    Page,
    S,
)
from parlour_server.core.output import warn
from parlour_server.core.store.engine.column_values import UNREADABLE, as_stored, user_name
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.records import TicketGrant

if TYPE_CHECKING:
    from parlour_server.app.program_store import ProgramStore

# A set or a dict has one spelling, so that a request sent again has the same bytes.
_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field, order="deterministic")


class TypedAppend(Struct, Generic[B], frozen=True):
    """An entry to append; its body is as it will be read."""

    log: LogId
    name: LogId
    author: UserName | None
    request: str
    session: SessionId | None
    at: Millis
    body: B
    also: "Also[B] | None" = None


Also: TypeAlias = Callable[[WriteConnection, Entry[B]], None]
"""Changes tables of the program's own in the transaction of an entry; raises RefusedError for neither.

It is called as ``Decide`` is, and not for a request that is sent again.
"""


class JsonKind(LogKind[TypedAppend[B], Entry[B], Facts[S]]):
    """Logs whose entries change nothing but the log and its state."""

    columns = ", a.role"

    def __init__(self, kind: str, body: type[B] | UnionType, state: type[S] | UnionType) -> None:
        """``body`` and ``state`` are anything that msgspec decodes.

        Raises ValueError for a kind that is not letters, digits and hyphens.
        """
        if not re.fullmatch(r"[A-Za-z0-9-]+", kind):
            raise ValueError(f"{kind!r} is not a kind of log: use letters, digits and hyphens")
        self.prefix: Final = f"{kind}:"
        self._bodies = msgspec.json.Decoder(body, dec_hook=as_stored)
        self._states = msgspec.json.Decoder(state, dec_hook=as_stored)

    def log_of(self, append: TypedAppend[B]) -> str:  # noqa: D102
        return append.log

    def entry(self, append: TypedAppend[B], seq: Seq) -> Entry[B]:  # noqa: D102
        return Entry(append.name, seq, append.at, append.author, append.body)

    def read(self, log: str, row: Row) -> Entry[B]:  # noqa: D102
        seq, at, author, _, body = row
        name = None if author is None else user_name(author)
        return Entry(self.name(log), seq, at, name, self._bodies.decode(body))

    def unreadable(self, log: str, seq: Seq, at: Millis, row: Row | None) -> None:
        """Leave it out: its number is missing."""

    def warn_unreadable(self, log: str, seq: Seq | None) -> None:  # noqa: D102
        warn(
            "log_unreadable",
            log=log,
            seq=seq,
            consequence="people do not see it" if seq else "the log is missing from lists",
            do="restore a backup from before the damage",
        )

    def columns_of(self, entry: Entry[B]) -> tuple[str | None, str, Seq | None, bytes]:
        """Return the body: a program's entries have no kinds, and none is deleted."""
        return None, "", None, self.stored(entry)

    def repeated(self, append: TypedAppend[B], log: str, row: Row) -> Entry[B] | None:
        """Return the entry if it is of the same log, and has the same bytes."""
        seq, at, *_, body = row
        same = (log, body) == (append.log, _encoder.encode(append.body))
        return Entry(append.name, seq, at, append.author, append.body) if same else None

    def facts(self, append: TypedAppend[B], base: Base, row: Row, beside: Any) -> Facts[S]:  # noqa: D102
        del beside
        return Facts(base.head, self.state(base.state), append.author, append.at, row[0] or "")

    def is_plain(self, append: TypedAppend[B]) -> bool:
        """Return whether it is by someone: what the program itself appends is known by other keys."""
        return append.author is not None and append.also is None

    def is_within(self, append: TypedAppend[B]) -> bool:  # noqa: D102
        return append.also is None

    def apply(
        self, db: WriteConnection, append: TypedAppend[B], facts: Facts[S], entry: Entry[B]
    ) -> tuple[Entry[B], Sequence[Entry[B]]]:
        """Change the rows that belong to the entry."""
        del facts
        if append.also is not None:
            append.also(db, entry)
        return entry, ()

    def content(self, value: object) -> bytes:
        """Return a body or a state as it is stored. Raises ValueError for one that could not be."""
        check_numbers(value)
        content = _encoder.encode(value)
        if len(content) > BODY_BYTES:
            raise ValueError(f"{len(content)} bytes are more than the {BODY_BYTES} of an entry or a state")
        return content

    def decide_bytes(self, decide: Decide[S], _: TypedAppend[B], facts: Facts[S]) -> bytes | None:
        """Decide, and return the new state as it is stored."""
        new = decide(facts)
        if new is None:
            return None
        state = self.content(new)
        self.state(state)  # what could not be read again is not stored
        return state

    def body(self, content: bytes) -> B:
        """Return a stored body."""
        body: B = self._bodies.decode(content)
        return body

    def state(self, content: bytes | None) -> S | None:
        """Return a stored state."""
        return None if content is None else self._states.decode(content)

    def stored(self, entry: Entry[B]) -> bytes:
        """Return the body of an entry as it is stored."""
        return _encoder.encode(entry.body)

    def is_of(self, log: str) -> bool:
        """Return whether a log is of this kind."""
        return log.startswith(self.prefix)

    def name(self, log: str) -> LogId:
        """Return the name of a log by its id."""
        return LogId(log.removeprefix(self.prefix))


class TypedLog(Generic[B, S]):
    """All logs of a kind: ``TypedLog(store, "table", Move, Board)``."""

    def __init__(
        self, store: "ProgramStore", kind: str, body: type[B] | UnionType, state: type[S] | UnionType
    ) -> None:
        """Keep logs of this ``kind`` in ``store``; see ``JsonKind``."""
        self.kind: Final[JsonKind[B, S]] = JsonKind(kind, body, state)
        self.stored: Final = store.open_log(self.kind)
        self._noted: set[LogId] = set()

    def append(
        self,
        author: TicketGrant,
        request: RequestId,
        name: str,
        body: B,
        decide: Decide[S],
        also: Also[B] | None = None,
    ) -> "Future[Appended[Entry[B]]]":
        """Append an entry to the log ``name`` if ``decide`` allows it; see ``StoredLog.append``.

        Raises ValueError for a name or a body that is too long.
        """
        return self._submit(author.user, author.session, request, name, body, decide, also)

    def append_own(
        self, key: str, name: str, body: B, decide: Decide[S], also: Also[B] | None = None
    ) -> "Future[Appended[Entry[B]]]":
        """Append an entry of the program itself, for which no one needs a session; otherwise as ``append``.

        ``key`` stands for the request id: an entry is appended once for each key of this log, so work that
        was interrupted may run again. At most ``LOG_ID`` characters.
        """
        if not 0 < len(key) <= LOG_ID:
            raise ValueError(f"a key has 1 to {LOG_ID} characters, not {len(key)}")
        return self._submit(None, None, key, name, body, decide, also)

    def _submit(
        self,
        author: UserName | None,
        session: SessionId | None,
        request: str,
        name: str,
        body: B,
        decide: Decide[S],
        also: Also[B] | None,
    ) -> "Future[Appended[Entry[B]]]":
        kind, log = self.kind, self.id(name)
        kept = kind.body(kind.content(body))
        append = TypedAppend(log, LogId(name), author, request, session, self.stored.dates.now(), kept, also)
        return self.stored.append(append, partial(kind.decide_bytes, decide))

    async def page(
        self, name: str, *, after: Seq, limit: int, max_bytes: int = PAGE_BYTES.value
    ) -> tuple[Sequence[Entry[B]], bool]:
        """Return the entries above ``after``, in order, and whether more follow.

        At most ``limit`` entries and ``max_bytes`` of bodies, but at least one entry if there is one. One
        whose stored body is damaged is left out: its number is missing, and the server's log says so.
        """
        log, page = self.id(name), Page[Entry[B]]((), more=True, until=after)
        while page.more and not page.entries:
            page = await self.stored.page(log, after=page.until, limit=limit, max_bytes=max_bytes)
        return page.entries, page.more

    async def heads(self, names: Sequence[str]) -> dict[str, Seq]:
        """Return the numbers of the newest entries, 0 for a log that has not begun."""
        found = await self.stored.heads([self.id(name) for name in names])
        return {name: found.get(self.id(name), Seq(0)) for name in names}

    async def find(self, name: str) -> LogRecord[S] | None:
        """Return a log, None if it has not begun."""
        record = await self.stored.find(self.id(name))
        return None if record is None else self._record(record)

    async def list(self, *, after: str | None = None, limit: int) -> tuple[Sequence[LogRecord[S]], bool]:
        """Return the logs of this kind above the name ``after``, in order, and whether more follow.

        One whose state is damaged is left out: only the last page may be empty.
        """
        after_id, more = None if after is None else self.id(after), True
        readable: list[LogRecord[S]] = []
        while more and not readable:
            records, more = await self.stored.list(prefix=self.kind.prefix, after=after_id, limit=limit)
            readable = [read for record in records if (read := self._readable(record)) is not None]
            after_id = records[-1].log if records else after_id
        return readable, more

    def id(self, name: str) -> LogId:
        """Return the id of the log ``name`` among all logs of the program. Raises ValueError: too long."""
        log = LogId(self.kind.prefix + name)
        if len(log) > LOG_ID:
            raise ValueError(f"a log's id has 1 to {LOG_ID} characters, not {len(log)}")
        return log

    def _readable(self, record: LogRecord[bytes]) -> LogRecord[S] | None:
        try:
            return self._record(record)
        except UNREADABLE:
            if record.log not in self._noted:
                self._noted.add(record.log)
                self.kind.warn_unreadable(record.log, None)
            return None

    def _record(self, record: LogRecord[bytes]) -> LogRecord[S]:
        return LogRecord(self.kind.name(record.log), record.head, self.kind.state(record.state))
