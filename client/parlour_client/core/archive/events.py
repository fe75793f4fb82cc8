"""History in the archive: events go in once, windows of the timeline come out.

An event that was deleted takes its text with it, from the table and from the search index. A window says
where numbers are missing, so that the caller can fetch them. Functions over a connection, run by
``Database`` on its thread.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import apsw

from parlour_client.core.archive.index import index_message
from parlour_client.core.archive.rows import (
    COLUMNS,
    Fold,
    Row,
    entries_of,
    event_of,
    folds_of,
    is_row,
    kind_of,
    note_text,
    target_of,
)
from parlour_client.core.model import Entry, Gap, Note
from parlour_protocol.frames import LogEvent, encode_body
from parlour_protocol.frames.bodies import Blank, Deleted, Edited, Message, Reacted
from parlour_protocol.ids import RequestId, RoomId, Seq

_INSERT: Final = """
    INSERT INTO events (id, room, seq, at, author, device, kind, target, reply_to, is_row, mention, body,
        sealed, trouble, note)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (room, seq) DO UPDATE
        SET kind = excluded.kind, target = NULL, is_row = excluded.is_row, mention = 0, body = excluded.body
        WHERE excluded.kind = 'blank' AND events.kind != 'blank'
"""  # what is known changes in one way alone: it was deleted on the server meanwhile
_LATEST_TIME: Final = (1 << 42) - 1
"""Milliseconds, the year 2109: a server may write any number, and an id has room for 42 bits of it."""
_AT_ONE_TIME: Final = 20
"""Bits that tell apart what happened in the same millisecond."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One event that was new here.

    ``entry`` is the timeline's row that it made or changed, None when there is none (its target is not
    here). ``request`` is ours when it is a message that this archive's outbox sent.
    """

    event: LogEvent
    entry: Entry | None
    mention: bool
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What this client says of a sealed event. ``row``: it stands in the timeline by itself."""

    row: bool
    sealed: bool = False
    trouble: str = ""
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A run of the timeline in ascending order. ``hole`` is the event next to which some are missing."""

    entries: Sequence[Entry]
    hole: Seq | None


def add(
    connection: apsw.Connection,
    events: Sequence[LogEvent],
    mentions: Sequence[bool],
    top: Seq,
    marks: Sequence[Mark] | None = None,
) -> list[Applied]:
    """Store the events of one room that are not here yet; ``top`` is the newest that the room then has.

    ``marks`` are there for events of an encrypted room, which the vault has opened.
    """
    if not events:
        return []
    marks = marks or [Mark(is_row(event.body)) for event in events]
    fresh = [
        (event, mention)
        for event, mention, mark in zip(events, mentions, marks, strict=True)
        if _insert(connection, event, mention, mark)
    ]
    for event, _ in fresh:
        if isinstance(event.body, Deleted):
            _blank(connection, event.room, event.body.target)
    for seq in {_message_of(event) for event, _ in fresh} - {None}:
        index_message(connection, events[0].room, cast("Seq", seq))
    connection.execute("UPDATE rooms SET top = max(top, ?) WHERE id = ?", (top, events[0].room))
    return [applied(connection, event, mention) for event, mention in fresh]


def below(
    connection: apsw.Connection, room: RoomId, before: Seq, limit: int, *, over_holes: bool = False
) -> Window:
    """Return the newest ``limit`` rows under ``before``.

    What the server says it has not (``floor``) is no hole, and what is here below it is shown all the same:
    a server that lies about its floor hides nothing that this device has.
    """
    query = f"SELECT {COLUMNS} FROM events WHERE room = ? AND seq < ? ORDER BY seq DESC"  # noqa: S608 - constants
    floor = _number(connection, "SELECT floor FROM rooms WHERE id = ?", (room,))
    rows, expected, shown = [], before - 1, 0
    for row in _rows(connection, query, (room, before)):
        if (row[1] != expected and expected > floor and not over_holes) or shown == limit:
            break
        rows.append(row)
        expected, shown = row[1] - 1, shown + row[6]
    hole = Seq(expected + 1) if shown < limit and expected > floor and not over_holes else None
    return Window(_folded(connection, room, rows[::-1]), hole)


def above(
    connection: apsw.Connection, room: RoomId, after: Seq, limit: int, *, over_holes: bool = False
) -> tuple[Sequence[LogEvent], Seq | None]:
    """Return up to ``limit`` events over ``after``, and the event after which some are missing."""
    query = f"SELECT {COLUMNS} FROM events WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - constants
    top = _number(connection, "SELECT top FROM rooms WHERE id = ?", (room,))
    floor = _number(connection, "SELECT floor FROM rooms WHERE id = ?", (room,))
    events: list[LogEvent] = []
    expected = after + 1
    for row in _rows(connection, query, (room, after, limit)):
        if row[1] != expected and expected > floor and not over_holes:
            break
        events.append(event_of(row))
        expected = row[1] + 1
    hole = Seq(expected - 1) if len(events) < limit and floor < expected <= top and not over_holes else None
    return events, hole


def shown(connection: apsw.Connection, room: RoomId, seqs: Iterable[Seq]) -> Sequence[Entry]:
    """Return the entries of these events that stand in the timeline."""
    numbers = sorted(set(seqs))
    marks = ", ".join("?" * len(numbers))
    query = f"SELECT {COLUMNS} FROM events WHERE room = ? AND seq IN ({marks}) ORDER BY seq"  # noqa: S608 - marks alone
    return _folded(connection, room, list(_rows(connection, query, (room, *numbers))))


def gaps(connection: apsw.Connection, room: RoomId, after: Seq, before: Seq) -> Sequence[Gap]:
    """Return the runs of numbers between ``after`` and ``before`` that are not here, oldest first."""
    floor = _number(connection, "SELECT floor FROM rooms WHERE id = ?", (room,))
    query = """
        SELECT previous, seq FROM (
            SELECT seq, lag(seq, 1, ?) OVER (ORDER BY seq) AS previous FROM (
                SELECT seq FROM events WHERE room = ? AND seq > ? AND seq < ? UNION SELECT ?
            )
        ) WHERE seq > previous + 1"""
    found = connection.execute(query, (after, room, after, before, before))
    runs = [(Seq(int(str(low))), Seq(int(str(high)))) for low, high in found]
    return [Gap(room, low, high, gone=high - 1 <= floor) for low, high in runs]


def counts(connection: apsw.Connection, room: RoomId, read: Seq, me: str) -> tuple[int, int]:
    """Return the messages of others above ``read``, and how many of them name this account."""
    query = """
        SELECT count(*), coalesce(sum(mention), 0) FROM events
        WHERE room = ? AND seq > ? AND kind = 'message' AND author != ?
            AND author NOT IN (SELECT user FROM ignored)"""
    unread, mentions = next(connection.execute(query, (room, read, me)))
    lowest = _number(
        connection, "SELECT coalesce(min(seq), 0) FROM events WHERE room = ? AND seq > ?", (room, read)
    )
    return int(str(unread)) + max(0, lowest - read - 1), int(str(mentions))


def set_floor(connection: apsw.Connection, room: RoomId, floor: Seq) -> None:
    """Note that the server has nothing at or below ``floor``."""
    connection.execute("UPDATE rooms SET floor = max(floor, ?) WHERE id = ?", (floor, room))


def _insert(connection: apsw.Connection, event: LogEvent, mention: bool, mark: Mark) -> bool:  # noqa: FBT001 - a column
    body = event.body
    values = (
        _free_id(connection, event.at), event.room, event.seq, event.at, event.author, event.device,
        kind_of(body), target_of(body), body.reply_to if isinstance(body, Message) else None,
        mark.row, mention, encode_body(body).decode(), mark.sealed, mark.trouble,
        note_text(mark.note) if mark.note is not None else None,
    )  # fmt: skip
    connection.execute(_INSERT, tuple(str(v) if isinstance(v, str) else v for v in values))
    return connection.changes() > 0


def _free_id(connection: apsw.Connection, at: int) -> int | None:
    """Return an id that sorts by time; None, which lets SQLite choose, where a millisecond is full."""
    first = min(at, _LATEST_TIME) << _AT_ONE_TIME
    end = first + (1 << _AT_ONE_TIME)
    last = _number(connection, "SELECT coalesce(max(id), 0) FROM events WHERE id < ?", (end,))
    free = max(first, last + 1)
    return free if free < end else None


def _blank(connection: apsw.Connection, room: RoomId, target: Seq) -> None:
    """Overwrite a message, its edits and its reactions, as the server does."""
    query = """
        SELECT seq, kind FROM events
        WHERE room = ? AND (seq = ? OR target = ?) AND kind NOT IN ('blank', 'deleted')"""
    update = """
        UPDATE events SET kind = 'blank', target = NULL, is_row = ?, mention = 0, body = ?
        WHERE room = ? AND seq = ?"""
    for seq, kind in list(connection.execute(query, (room, target, target))):
        body = Blank(was=str(kind))
        connection.execute(update, (is_row(body), encode_body(body).decode(), room, seq))


def _message_of(event: LogEvent) -> Seq | None:
    """Return the message whose searchable text an event may change."""
    if isinstance(event.body, Message | Blank):
        return event.seq
    return event.body.target if isinstance(event.body, Edited | Deleted | Reacted) else None


def applied(
    connection: apsw.Connection,
    event: LogEvent,
    mention: bool,  # noqa: FBT001 - a column
    request: RequestId | None = None,
) -> Applied:
    """Return what an event that is here did; a row of the outbox that is stored there goes."""
    query = "DELETE FROM outbox WHERE room = ? AND seq = ? RETURNING request"
    request = next(
        (RequestId(str(found)) for (found,) in connection.execute(query, (event.room, event.seq))), request
    )
    entry = next(iter(shown(connection, event.room, [target_of(event.body) or event.seq])), None)
    return Applied(event, entry, mention, request)


def _folded(connection: apsw.Connection, room: RoomId, rows: Sequence[Row]) -> Sequence[Entry]:
    if not rows:
        return ()
    query = "SELECT target, author, body FROM events WHERE room = ? AND target BETWEEN ? AND ? ORDER BY seq"
    span = (room, rows[0][1], rows[-1][1])
    folds = folds_of(cast("Iterable[tuple[int, str, str]]", connection.execute(query, span)))
    for (seq,) in connection.execute("SELECT seq FROM stars WHERE room = ? AND seq BETWEEN ? AND ?", span):
        folds.setdefault(Seq(int(str(seq))), Fold()).starred = True
    query = (
        "SELECT reply_to, count(*) FROM events WHERE room = ? AND reply_to BETWEEN ? AND ? GROUP BY reply_to"
    )
    for seq, count in connection.execute(query, span):
        folds.setdefault(Seq(int(str(seq))), Fold()).replies = int(str(count))
    return entries_of(rows, folds)


def _rows(connection: apsw.Connection, query: str, values: tuple[object, ...]) -> Iterable[Row]:
    return cast("Iterable[Row]", connection.execute(query, cast("apsw.Bindings", values)))


def _number(connection: apsw.Connection, query: str, values: tuple[object, ...]) -> int:
    for (value,) in connection.execute(query, cast("apsw.Bindings", values)):
        return int(str(value))
    return 0
