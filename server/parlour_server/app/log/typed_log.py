"""The logs of one kind, with bodies and states of a program's own types, stored as JSON.

A kind keeps its logs apart from those of other kinds: what has one name in two kinds is two logs.
"""

import asyncio
import re
from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Final, Generic, TypeVar

import msgspec

from parlour_protocol.kit.codec import check_numbers
from parlour_protocol.kit.fields import encode_field
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.limits import PAGE_BYTES
from parlour_server.app.log.log import Appended, Decide, Entry, Facts, LogId, LogRecord
from parlour_server.app.log.sql_log import SqlLog
from parlour_server.core.logs import warn
from parlour_server.core.store.engine.column_values import UNREADABLE, as_stored
from parlour_server.core.store.records import TicketGrant

B = TypeVar("B")
S = TypeVar("S")

# A set or a dict has one spelling, so that a request sent again has the same bytes.
_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field, order="deterministic")


_MOST_NOTED: Final = 1000
"""The most damaged entries that are logged."""


@dataclass(frozen=True, slots=True)
class LogPage(Generic[B]):
    """Entries that could be read, in order; ``until`` is the last number that was looked at."""

    entries: Sequence[Entry[B]]
    until: Seq
    more: bool


class TypedLog(Generic[B, S]):
    """All logs of a kind: ``TypedLog(store.log, "table", Move, Board)``."""

    def __init__(self, log: SqlLog, kind: str, body: type[B] | UnionType, state: type[S] | UnionType) -> None:
        """Keep logs of this ``kind`` in ``log``; ``body`` and ``state`` are anything that msgspec decodes.

        Raises ValueError for a kind that is not letters, digits and hyphens.
        """
        if not re.fullmatch(r"[A-Za-z0-9-]+", kind):
            raise ValueError(f"{kind!r} is not a kind of log: use letters, digits and hyphens")
        self._log = log
        self._prefix = f"{kind}:"
        self._noted: set[tuple[LogId, Seq | None]] = set()
        self._bodies = msgspec.json.Decoder(body, dec_hook=as_stored)
        self._states = msgspec.json.Decoder(state, dec_hook=as_stored)

    def append(
        self, author: TicketGrant, request: RequestId, name: str, body: B, decide: Decide[S]
    ) -> "Future[Appended[B]]":
        """Append an entry to the log ``name`` if ``decide`` allows it; see ``SqlLog.append``."""
        content, kept = self._checked(body)
        raw = self._log.append(author, request, self.id(name), content, self._with_types(decide))
        return _with_body(raw, LogId(name), kept)

    def append_own(self, key: str, name: str, body: B, decide: Decide[S]) -> "Future[Appended[B]]":
        """Append an entry of the program itself, once for each ``key`` of the log: see ``SqlLog``."""
        content, kept = self._checked(body)
        raw = self._log.append_own(key, self.id(name), content, self._with_types(decide))
        return _with_body(raw, LogId(name), kept)

    def _checked(self, body: B) -> tuple[bytes, B]:
        """Return a body as it is stored, and as it will be read. Raises ValueError if it could not be."""
        check_numbers(body)
        content = _encoder.encode(body)
        return content, self._bodies.decode(content)

    def _with_types(self, decide: Decide[S]) -> Decide[bytes]:
        def decide_bytes(facts: Facts[bytes]) -> bytes | None:
            state = None if facts.state is None else self._states.decode(facts.state)
            new = decide(Facts(facts.head, state, facts.author, facts.at))
            if new is None:
                return None
            check_numbers(new)
            content = _encoder.encode(new)
            self._states.decode(content)  # what could not be read again is not stored
            return content

        return decide_bytes

    async def page(
        self, name: str, *, after: Seq, limit: int, max_bytes: int = PAGE_BYTES.value
    ) -> tuple[Sequence[Entry[B]], bool]:
        """Return the entries above ``after``, in order, and whether more follow; see ``SqlLog.page``.

        One whose stored body is damaged is left out: its number is missing, and the server's log says so.
        """
        page = await self.read(name, after=after, limit=limit, max_bytes=max_bytes)
        while page.more and not page.entries:
            page = await self.read(name, after=page.until, limit=limit, max_bytes=max_bytes)
        return page.entries, page.more

    async def read(
        self, name: str, *, after: Seq, limit: int, max_bytes: int = PAGE_BYTES.value
    ) -> LogPage[B]:
        """Return a page, and how far it goes: perhaps without an entry, where all are damaged."""
        raw, more = await self._log.page(self.id(name), after=after, limit=limit, max_bytes=max_bytes)
        entries = [read for entry in raw if (read := self._entry(entry)) is not None]
        return LogPage(entries, raw[-1].seq if raw else after, more)

    async def heads(self, names: Sequence[str]) -> dict[str, Seq]:
        """Return the numbers of the newest entries, 0 for a log that has not begun."""
        ids = {self.id(name): name for name in names}
        return {ids[log]: head for log, head in (await self._log.heads(tuple(ids))).items()}

    async def find(self, name: str) -> LogRecord[S] | None:
        """Return a log, None if it has not begun."""
        record = await self._log.find(self.id(name))
        return None if record is None else self._record(record)

    async def list(self, *, after: str | None = None, limit: int) -> tuple[Sequence[LogRecord[S]], bool]:
        """Return the logs of this kind above the name ``after``, in order, and whether more follow.

        One whose state is damaged is left out: only the last page may be empty.
        """
        after_id, more = None if after is None else self.id(after), True
        readable: list[LogRecord[S]] = []
        while more and not readable:
            records, more = await self._log.list(prefix=self._prefix, after=after_id, limit=limit)
            readable = [read for record in records if (read := self._readable(record)) is not None]
            after_id = records[-1].log if records else after_id
        return readable, more

    def id(self, name: str) -> LogId:
        """Return the id of the log ``name`` among all logs of the program."""
        return LogId(self._prefix + name)

    def name(self, log: LogId) -> str | None:
        """Return the name of a log by its id, as in ``LogAdvanced``; None if it is of another kind."""
        return log.removeprefix(self._prefix) if log.startswith(self._prefix) else None

    def _entry(self, entry: Entry[bytes]) -> Entry[B] | None:
        try:
            body = self._bodies.decode(entry.body)
        except UNREADABLE:
            self._note_damage(entry.log, entry.seq)
            return None
        return Entry(self._name(entry.log), entry.seq, entry.at, entry.author, body)

    def _readable(self, record: LogRecord[bytes]) -> LogRecord[S] | None:
        try:
            return self._record(record)
        except UNREADABLE:
            self._note_damage(record.log, None)
            return None

    def _note_damage(self, log: LogId, seq: Seq | None) -> None:
        """Log each damaged entry, or state, once."""
        if (log, seq) not in self._noted and len(self._noted) < _MOST_NOTED:
            self._noted.add((log, seq))
            warn(
                "log_unreadable",
                log=log,
                seq=seq,
                consequence="people do not see it" if seq else "the log is missing from lists",
                do="restore a backup from before the damage",
            )

    def _record(self, record: LogRecord[bytes]) -> LogRecord[S]:
        state = None if record.state is None else self._states.decode(record.state)
        return LogRecord(self._name(record.log), record.head, state)

    def _name(self, log: LogId) -> LogId:
        return LogId(log.removeprefix(self._prefix))


def _with_body(raw: "Future[Appended[bytes]]", name: LogId, body: B) -> "Future[Appended[B]]":
    done: Future[Appended[B]] = asyncio.get_running_loop().create_future()

    def pass_on(_: object) -> None:
        error = raw.exception()  # never cancelled: no one else has it
        if done.done():
            return  # the waiting task was cancelled; the entry was appended, or refused, all the same
        if error is not None:
            done.set_exception(error)
        else:
            appended = raw.result()
            entry = appended.entry
            done.set_result(
                Appended(Entry(name, entry.seq, entry.at, entry.author, body), replay=appended.replay)
            )

    raw.add_done_callback(pass_on)
    return done
