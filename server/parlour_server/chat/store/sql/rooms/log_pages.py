"""Reads pages of a room's log, around damage.

Whatever the damage (a changed body, a missing row, a broken page), each number of a page has an event, and an
unreadable one is replaced by ``Unreadable``. So one row does not hide a room's whole history, and an
incomplete history never looks complete.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from parlour_protocol.frames.bodies import Unreadable
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_server.chat.store.sql.column_values import (
    EVENT_COLUMNS,
    read_event,
    read_event_if_possible,
    write_body,
)
from parlour_server.chat.store.types import LogPage
from parlour_server.chat.system_account import system_account, system_device
from parlour_server.core.logs import warn
from parlour_server.core.store.engine.column_values import UNREADABLE
from parlour_server.core.store.engine.connection import Connection

_UPWARDS: Final = f"SELECT {EVENT_COLUMNS} FROM entries WHERE log = ? AND seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608 - columns of ours
_DOWNWARDS: Final = f"{_UPWARDS} DESC"
_ABOVE: Final = (
    f"SELECT {EVENT_COLUMNS} FROM entries WHERE log = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?"  # noqa: S608 - columns of ours
)
_BELOW: Final = f"SELECT {EVENT_COLUMNS} FROM entries WHERE log = ? AND seq <= ? ORDER BY seq DESC LIMIT ?"  # noqa: S608 - columns of ours
_ONE: Final = f"SELECT {EVENT_COLUMNS} FROM entries WHERE log = ? AND seq = ?"  # noqa: S608 - columns of ours
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_MOST_NOTED: Final = 1000
"""The most damaged events that one process logs; each is logged once."""

Row = tuple[Any, ...]


def read_page(
    db: Connection,
    *,
    room: RoomId,
    after: Seq | None,
    before: Seq | None,
    limit: int,
    max_bytes: int,
) -> LogPage:
    """Return a page (see ``Log.page``)."""
    with db.snapshot():
        row = db.execute("SELECT head, kept_from FROM logs WHERE log = ?", (room,)).fetchone()
        if row is None:
            return LogPage((), more=False)
        head, kept_from = row
        numbers = _numbers(head, after, before, limit)
        if numbers and min(numbers) < kept_from:
            events = _across_removal(db, room, numbers, kept_from, head, max_bytes)
        else:
            events = _read(db, room, numbers, max_bytes)
    more = bool(events) and (events[-1].seq < head if after is not None else events[-1].seq > 1)
    return LogPage(events if after is not None else events[::-1], more, kept_from)


class DamageLog:
    """Logs each unreadable event once."""

    def __init__(self) -> None:
        self._noted: set[tuple[RoomId, Seq]] = set()

    def note(self, events: Sequence[LogEvent]) -> None:
        """Log the unreadable ones among the events."""
        for event in events:
            if isinstance(event.body, Unreadable) and len(self._noted) < _MOST_NOTED:
                key = (event.room, event.seq)
                if key not in self._noted:
                    self._noted.add(key)
                    warn(
                        "event_unreadable",
                        room=event.room,
                        seq=event.seq,
                        consequence="members see that it can't be read",
                        do="run `parlour-server doctor`; restore a backup from before the damage",
                    )


def _numbers(head: Seq, after: Seq | None, before: Seq | None, limit: int) -> range:
    """Return the numbers of the page, in reading direction."""
    if after is not None:
        return range(after + 1, min(after + limit, head) + 1)
    top = head if before is None else min(before - 1, head)
    return range(top, max(top - limit, 0), -1)


def _read(db: Connection, room: RoomId, numbers: range, max_bytes: int) -> list[LogEvent]:
    return _whole(db, room, numbers, max_bytes) or _around_damage(db, room, numbers, max_bytes)


def _across_removal(
    db: Connection, room: RoomId, numbers: range, kept_from: Seq, head: Seq, max_bytes: int
) -> list[LogEvent]:
    """Return events of a page that reaches below ``kept_from``, where most numbers have none any more."""
    limit = len(numbers)
    if numbers.step < 0:
        kept = range(numbers[0], max(kept_from, numbers[-1]) - 1, -1)
        events = _read(db, room, kept, max_bytes) if kept else []
        if len(events) < len(kept):
            return events  # as many as the size allows
        rest = (min(numbers[0], kept_from - 1), limit - len(events))
        left = max_bytes - _size(events)
        return events + (_sparse(db, room, _BELOW, rest, left)[0] if left > 0 or not events else [])
    events, all_of_them = _sparse(db, room, _ABOVE, (numbers[0], kept_from, limit), max_bytes)
    if not all_of_them:
        return events
    kept = range(max(kept_from, numbers[0]), min(max(kept_from, numbers[0]) + limit - len(events), head + 1))
    left = max_bytes - _size(events)
    if kept and (left > 0 or not events):
        more = _read(db, room, kept, max(left, 1))
        events += more if not events or _size(more) <= left else []
    return events


def _sparse(
    db: Connection, room: RoomId, query: str, values: tuple[int, ...], max_bytes: int
) -> tuple[list[LogEvent], bool]:
    """Return the events that are left, and whether the size allowed all; at least one."""
    events: list[LogEvent] = []
    size = 0
    for row in db.execute(query, (room, *values)):
        size += len(row[-1])
        if events and size > max_bytes:
            return events, False
        events.append(read_event_if_possible(room, row))
    return events, True


def _size(events: Sequence[LogEvent]) -> int:
    return sum(len(write_body(event.body)) for event in events)


def _whole(db: Connection, room: RoomId, numbers: range, max_bytes: int) -> list[LogEvent] | None:
    """Return the events if there is one for each number, up to the size; None if anything is wrong."""
    events: list[LogEvent] = []
    size = 0
    due = iter(numbers)
    try:
        for row in _select(db, room, numbers):
            size += len(row[-1])
            if events and size > max_bytes:
                return events
            if row[0] != next(due, 0):
                return None
            events.append(read_event(room, row))
    except UNREADABLE:
        return None
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            return None
        raise
    return events if len(events) == len(numbers) else None


def _around_damage(db: Connection, room: RoomId, numbers: range, max_bytes: int) -> list[LogEvent]:
    """Return one event for each number, up to the size, but at least one."""
    events: list[LogEvent] = []
    size = 0
    rows = _rows(db, room, numbers)
    row = next(rows, None)
    for number in numbers:
        found = row if row is not None and row[0] == number else None
        if found is not None:
            size += len(found[-1])
            if events and size > max_bytes:
                break
            row = next(rows, None)
        at = events[-1].at if events else Millis(0)
        events.append(
            _unreadable(room, Seq(number), at) if found is None else read_event_if_possible(room, found)
        )
    return events


def _rows(db: Connection, room: RoomId, numbers: range) -> Iterator[Row]:
    """Yield the readable rows, in the direction of the numbers."""
    left = numbers
    try:
        for row in _select(db, room, numbers):
            left = numbers[numbers.index(row[0]) + 1 :]
            yield row
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        # One by one: rows before and after the damage are on other pages of the file.
        for number in left:
            yield from _one(db, room, number)


def _select(db: Connection, room: RoomId, numbers: range) -> Iterable[Row]:
    if not numbers:
        return ()
    low, high = (numbers[0], numbers[-1]) if numbers.step > 0 else (numbers[-1], numbers[0])
    return db.execute(_UPWARDS if numbers.step > 0 else _DOWNWARDS, (room, low, high))


def _one(db: Connection, room: RoomId, number: int) -> list[Row]:
    try:
        return db.execute(_ONE, (room, number)).fetchall()
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        return []


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file is damaged, not just temporarily unreadable."""
    if not hasattr(error, "sqlite_errorcode"):  # Python's own: a text that is not UTF-8
        return True
    return error.sqlite_errorcode & 0xFF in _DAMAGE


def _unreadable(room: RoomId, seq: Seq, at: Millis) -> LogEvent:
    """Return the replacement for an unknown row, by the system account."""
    return LogEvent(
        room=room, seq=seq, at=at, author=system_account(), device=system_device(), body=Unreadable()
    )
