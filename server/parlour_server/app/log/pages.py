"""Reads pages of a log, around damage.

Whatever the damage (a changed body, a missing row, a broken page), each number of a page is looked at, and an
unreadable entry is replaced or left out as its kind says. So one row does not hide a whole log, and an
incomplete log never looks complete.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from parlour_protocol.kit.ids import Millis, Seq
from parlour_server.app.log.append import ENTRY_COLUMNS
from parlour_server.app.log.kind import A, AnyEntry, E, F, LogKind, Row
from parlour_server.app.log.log import Page
from parlour_server.core.store.engine.column_values import UNREADABLE
from parlour_server.core.store.engine.connection import Connection

_UPWARDS: Final = f"SELECT {ENTRY_COLUMNS} FROM entries WHERE log = ? AND seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608 - columns of ours
_DOWNWARDS: Final = f"{_UPWARDS} DESC"
_ABOVE: Final = (
    f"SELECT {ENTRY_COLUMNS} FROM entries WHERE log = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?"  # noqa: S608 - columns of ours
)
_BELOW: Final = f"SELECT {ENTRY_COLUMNS} FROM entries WHERE log = ? AND seq <= ? ORDER BY seq DESC LIMIT ?"  # noqa: S608 - columns of ours
_ONE: Final = f"SELECT {ENTRY_COLUMNS} FROM entries WHERE log = ? AND seq = ?"  # noqa: S608 - columns of ours
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class _Read(NamedTuple):
    """The entry at a number: ``entry`` is None if it can't be read, and nothing stands for it."""

    seq: Seq
    size: int
    entry: AnyEntry | None
    damaged: bool = False


def read_page(
    db: Connection,
    kind: LogKind[A, E, F],
    *,
    log: str,
    after: Seq | None,
    before: Seq | None,
    limit: int,
    max_bytes: int,
) -> Page[E]:
    """Return a page (see ``StoredLog.page``)."""
    with db.snapshot():
        row = db.execute("SELECT head, kept_from FROM logs WHERE log = ?", (log,)).fetchone()
        if row is None:
            return Page([], more=False)
        head, kept_from = row
        found = _Reader(db, kind, log, kept_from, head).read(_numbers(head, after, before, limit), max_bytes)
    until = found[-1].seq if found else after or Seq(0)
    more = bool(found) and (until < head if after is not None else until > 1)
    if after is None:
        found.reverse()
    entries = [read.entry for read in found if read.entry is not None]
    damaged = tuple(read.seq for read in found if read.damaged)
    return Page(cast("Sequence[E]", entries), more, kept_from, until, damaged)  # all of this kind


def _numbers(head: Seq, after: Seq | None, before: Seq | None, limit: int) -> range:
    """Return the numbers of the page, in reading direction."""
    if after is not None:
        return range(after + 1, min(after + limit, head) + 1)
    top = head if before is None else min(before - 1, head)
    return range(top, max(top - limit, 0), -1)


class _Reader:
    """Reads one log in a snapshot."""

    def __init__(
        self, db: Connection, kind: LogKind[Any, Any, Any], log: str, kept_from: Seq, head: Seq
    ) -> None:
        self._db = db
        self._kind = kind
        self._log = log
        self._kept_from = kept_from
        self._head = head

    def read(self, numbers: range, max_bytes: int) -> list[_Read]:
        """Return what is at these numbers, up to the size."""
        if numbers and min(numbers) < self._kept_from:
            return self._across_removal(numbers, max_bytes)
        return self._read(numbers, max_bytes)

    def _read(self, numbers: range, max_bytes: int) -> list[_Read]:
        return self._whole(numbers, max_bytes) or self._around_damage(numbers, max_bytes)

    def _across_removal(self, numbers: range, max_bytes: int) -> list[_Read]:
        """Return what a page reaches below ``kept_from``, where most numbers have no entry any more."""
        limit, kept_from = len(numbers), self._kept_from
        if numbers.step < 0:
            kept = range(numbers[0], max(kept_from, numbers[-1]) - 1, -1)
            found = self._read(kept, max_bytes) if kept else []
            if len(found) < len(kept):
                return found  # as many as the size allows
            rest = (min(numbers[0], kept_from - 1), limit - len(found))
            left = max_bytes - _size(found)
            return found + (self._sparse(_BELOW, rest, left)[0] if left > 0 or not found else [])
        found, all_of_them = self._sparse(_ABOVE, (numbers[0], kept_from, limit), max_bytes)
        if not all_of_them:
            return found
        first = max(kept_from, numbers[0])
        kept = range(first, min(first + limit - len(found), self._head + 1))
        left = max_bytes - _size(found)
        if kept and (left > 0 or not found):
            more = self._read(kept, max(left, 1))
            found += more if not found or _size(more) <= left else []
        return found

    def _sparse(self, query: str, values: tuple[int, ...], max_bytes: int) -> tuple[list[_Read], bool]:
        """Return the entries that are left, and whether the size allowed all; at least one."""
        found: list[_Read] = []
        size = 0
        for row in self._db.execute(query, (self._log, *values)):
            size += len(row[-1])
            if found and size > max_bytes:
                return found, False
            found.append(self._if_possible(row))
        return found, True

    def _whole(self, numbers: range, max_bytes: int) -> list[_Read] | None:
        """Return the entries if there is one for each number, up to the size; None if anything is wrong."""
        found: list[_Read] = []
        size = 0
        due = iter(numbers)
        try:
            for row in self._select(numbers):
                size += len(row[-1])
                if found and size > max_bytes:
                    return found
                if row[0] != next(due, 0):
                    return None
                found.append(_Read(row[0], len(row[-1]), self._kind.read(self._log, row)))
        except UNREADABLE:
            return None
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                return None
            raise
        return found if len(found) == len(numbers) else None

    def _around_damage(self, numbers: range, max_bytes: int) -> list[_Read]:
        """Return what is at each number, up to the size, but at least one."""
        found: list[_Read] = []
        size, at = 0, Millis(0)
        rows = self._rows(numbers)
        row = next(rows, None)
        for number in numbers:
            here = row if row is not None and row[0] == number else None
            if here is not None:
                size += len(here[-1])
                if found and size > max_bytes:
                    break
                row = next(rows, None)
                read = self._if_possible(here)
            else:
                lost = self._kind.unreadable(self._log, Seq(number), at, None)
                read = _Read(Seq(number), 0, lost, damaged=True)
            found.append(read)
            at = at if read.entry is None else read.entry.at
        return found

    def _if_possible(self, row: Row) -> _Read:
        seq, at, *_, body = row
        try:
            return _Read(seq, len(body), self._kind.read(self._log, row))
        except UNREADABLE:
            lost = self._kind.unreadable(self._log, seq, at, row)
            return _Read(seq, len(body), lost, damaged=True)

    def _rows(self, numbers: range) -> Iterator[Row]:
        """Yield the readable rows, in the direction of the numbers."""
        left = numbers
        try:
            for row in self._select(numbers):
                left = numbers[numbers.index(row[0]) + 1 :]
                yield row
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            # One by one: rows before and after the damage are on other pages of the file.
            for number in left:
                yield from self._one(number)

    def _select(self, numbers: range) -> Iterable[Row]:
        if not numbers:
            return ()
        low, high = (numbers[0], numbers[-1]) if numbers.step > 0 else (numbers[-1], numbers[0])
        return self._db.execute(_UPWARDS if numbers.step > 0 else _DOWNWARDS, (self._log, low, high))

    def _one(self, number: int) -> list[Row]:
        try:
            return self._db.execute(_ONE, (self._log, number)).fetchall()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            return []


def _size(found: list[_Read]) -> int:
    return sum(read.size for read in found)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file is damaged, not just temporarily unreadable."""
    if not hasattr(error, "sqlite_errorcode"):  # Python's own: a text that is not UTF-8
        return True
    return error.sqlite_errorcode & 0xFF in _DAMAGE
