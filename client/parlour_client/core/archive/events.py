"""Reads history from the archive: windows of the timeline, single rows, counts.

A window says where numbers are missing, so that the caller can fetch them; ``insertion`` writes events.
Functions over a connection, run by ``Archive`` on its thread.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import apsw

from parlour_client.core.archive.known_rooms import numbering
from parlour_client.core.archive.rows import COLUMNS, Fold, Row, entries_of, event_of, folds_of, note_of
from parlour_client.core.model import Entry, Gap, Note
from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.limits import PINS_PER_ROOM

_NEAR: Final = 200
"""Numbers between two events that are read in one query."""


@dataclass(frozen=True, slots=True)
class Window:
    """A run of the timeline in ascending order. ``hole`` is the event next to a gap."""

    entries: Sequence[Entry]
    hole: Seq | None


def below(
    connection: apsw.Connection, room: RoomId, before: Seq, limit: int, *, over_holes: bool = False
) -> Window:
    """Return the newest ``limit`` rows under ``before``.

    Events that the server says it does not have, and those deleted here, count as no gap; local events below
    are shown all the same: a server that lies about its floor hides nothing that this device has.
    """
    query = f"SELECT {COLUMNS} FROM events WHERE room = ? AND seq < ? ORDER BY seq DESC"  # noqa: S608 - constants
    floor, numbers = max(floors(connection, room)), numbering(connection, room)
    rows, expected, shown = [], before - 1, 0
    for row in _rows(connection, query, (room, before)):
        missing = row[1] != expected and expected > floor and numbers.has_any(row[1] + 1, expected)
        if (missing and not over_holes) or shown == limit:
            break
        rows.append(row)
        expected, shown = _first(connection, row) - 1, shown + row[6]
    missing = expected > floor and numbers.has_any(floor + 1, expected)
    hole = Seq(expected + 1) if shown < limit and missing and not over_holes else None
    return Window(_folded(connection, room, rows[::-1]), hole)


def above(
    connection: apsw.Connection, room: RoomId, after: Seq, limit: int, *, over_holes: bool = False
) -> tuple[Sequence[LogEvent], Seq | None]:
    """Return up to ``limit`` events over ``after``, and the event after which some are missing."""
    query = f"SELECT {COLUMNS} FROM events WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - constants
    top = _number(connection, "SELECT top FROM rooms WHERE id = ?", (room,))
    floor, numbers = max(floors(connection, room)), numbering(connection, room)
    events: list[LogEvent] = []
    expected = after + 1
    for row in _rows(connection, query, (room, after, limit)):
        first = _first(connection, row)
        missing = first > expected > floor and numbers.has_any(expected, first - 1)
        if missing and not over_holes:
            break
        events.append(event_of(row))
        expected = row[1] + 1
    missing = floor < expected <= top and numbers.has_any(expected, top)
    hole = Seq(expected - 1) if len(events) < limit and missing and not over_holes else None
    return events, hole


def shown(connection: apsw.Connection, room: RoomId, seqs: Iterable[Seq]) -> Sequence[Entry]:
    """Return the timeline entries of these events."""
    return [entry for stretch in _stretches(seqs) for entry in _shown(connection, room, stretch)]


def time_of(connection: apsw.Connection, room: RoomId, seq: Seq) -> Millis | None:
    """Return when an event happened, by the server's time; None if it is not here."""
    query = "SELECT at FROM events WHERE room = ? AND seq = ?"
    return next((Millis(int(str(at))) for (at,) in connection.execute(query, (room, seq))), None)


def around(
    connection: apsw.Connection, room: RoomId, seq: Seq, count: int
) -> tuple[Sequence[Entry], Sequence[Entry]]:
    """Return up to ``count`` messages before an event and after it that are here, of people not ignored."""
    query = """
        SELECT seq FROM events WHERE room = ? AND kind = 'message' AND seq {} ?
            AND author NOT IN (SELECT user FROM ignored) ORDER BY seq {} LIMIT ?"""
    before, after = (
        [Seq(int(str(number))) for (number,) in connection.execute(query.format(*how), (room, seq, count))]
        for how in (("<", "DESC"), (">", "ASC"))
    )
    return shown(connection, room, before), shown(connection, room, after)


def newest(connection: apsw.Connection, rooms: Sequence[RoomId], limit: int) -> Sequence[Entry]:
    """Return the newest messages of several rooms together, oldest first, without those of ignored people."""
    query = """
        SELECT room, seq FROM events
        WHERE kind = 'message' AND room IN (SELECT value FROM json_each(?))
            AND author NOT IN (SELECT user FROM ignored) ORDER BY id DESC LIMIT ?"""
    chosen = cast("apsw.Bindings", (json.dumps(list(rooms)), limit))
    found = cast("list[tuple[RoomId, Seq]]", list(connection.execute(query, chosen)))[::-1]
    entries: dict[tuple[RoomId, Seq | None], Entry] = {}
    for room in dict.fromkeys(room for room, _ in found):
        for entry in shown(connection, room, [seq for where, seq in found if where == room]):
            entries[room, entry.seq] = entry
    return [entries[place] for place in found if place in entries]


def trouble_of(connection: apsw.Connection, room: RoomId, seq: Seq) -> str:
    """Return why an event cannot be read; empty if it was read, or is not here."""
    query = "SELECT trouble FROM events WHERE room = ? AND seq = ?"
    return next((str(trouble) for (trouble,) in connection.execute(query, (room, seq))), "")


def note_at(connection: apsw.Connection, room: RoomId, seq: Seq) -> Note | None:
    """Return this client's note at an event."""
    query = "SELECT note FROM events WHERE room = ? AND seq = ? AND note IS NOT NULL"
    return next((note_of(str(note)) for (note,) in connection.execute(query, (room, seq))), None)


def _stretches(seqs: Iterable[Seq]) -> list[list[Seq]]:
    """Split numbers that are far apart: everything about one run is read."""
    stretches: list[list[Seq]] = []
    for seq in sorted(set(seqs)):
        if stretches and seq - stretches[-1][-1] <= _NEAR:
            stretches[-1].append(seq)
        else:
            stretches.append([seq])
    return stretches


def _shown(connection: apsw.Connection, room: RoomId, seqs: Sequence[Seq]) -> Sequence[Entry]:
    marks = ", ".join("?" * len(seqs))
    query = f"SELECT {COLUMNS} FROM events WHERE room = ? AND seq IN ({marks}) ORDER BY seq"  # noqa: S608 - marks alone
    return _folded(connection, room, list(_rows(connection, query, (room, *seqs))))


def newest_under(connection: apsw.Connection, room: RoomId, before: Seq) -> tuple[Seq, Millis]:
    """Return the number and time of the newest event under ``before`` that is here; zeros: there is none."""
    query = """
        SELECT seq, at FROM events WHERE room = ?1 AND seq < ?2
            AND seq NOT IN (SELECT last FROM missing WHERE room = ?1) ORDER BY seq DESC LIMIT 1"""
    for seq, at in connection.execute(query, (room, before)):
        return Seq(int(str(seq))), Millis(int(str(at)))
    return Seq(0), Millis(0)


def gaps(connection: apsw.Connection, room: RoomId, after: Seq, before: Seq) -> Sequence[Gap]:
    """Return the runs of numbers between ``after`` and ``before`` that are not here, oldest first."""
    floor, forgotten = floors(connection, room)
    numbers = numbering(connection, room)
    query = """
        SELECT previous, seq FROM (
            SELECT coalesce(first, seq) AS seq, lag(seq, 1, ?1) OVER (ORDER BY seq) AS previous FROM (
                SELECT seq FROM events WHERE room = ?2 AND seq > ?1 AND seq < ?3 UNION SELECT ?3
            ) LEFT JOIN missing ON missing.room = ?2 AND missing.last = seq
        ) WHERE seq > previous + 1"""
    found = connection.execute(query, (after, room, before))
    runs = [(Seq(int(str(low))), Seq(int(str(high)))) for low, high in found]
    return [
        Gap(
            room,
            low,
            high,
            gone=high - 1 <= max(floor, forgotten) or not numbers.has_any(low + 1, high - 1),
            forgotten=high - 1 <= forgotten,
        )
        for low, high in runs
    ]


def counts(connection: apsw.Connection, room: RoomId, read: Seq, me: str) -> tuple[int, int]:
    """Return the messages of others above ``read``, and how many of them name this account."""
    read = max(read, Seq(floors(connection, room)[1]))
    query = """
        SELECT count(*), coalesce(sum(mention), 0) FROM events
        WHERE room = ? AND seq > ? AND kind = 'message' AND author != ?
            AND author NOT IN (SELECT user FROM ignored)"""
    unread, mentions = next(connection.execute(query, (room, read, me)))
    lowest = _number(
        connection, "SELECT coalesce(min(seq), 0) FROM events WHERE room = ? AND seq > ?", (room, read)
    )
    return int(str(unread)) + max(0, lowest - read - 1), int(str(mentions))


def has_messages(connection: apsw.Connection, room: RoomId) -> bool:
    """Say whether a message of the room is here."""
    query = "SELECT 1 FROM events WHERE room = ? AND kind = 'message' LIMIT 1"
    return any(True for _ in connection.execute(query, (room,)))


def floors(connection: apsw.Connection, room: RoomId) -> tuple[int, int]:
    """Return below which numbers the server has nothing, and below which this device deleted everything."""
    for floor, forgotten in connection.execute("SELECT floor, forgotten FROM rooms WHERE id = ?", (room,)):
        return int(str(floor)), int(str(forgotten))
    return 0, 0


def set_floor(connection: apsw.Connection, room: RoomId, floor: Seq) -> None:
    """Note that the server has nothing at or below ``floor``."""
    connection.execute("UPDATE rooms SET floor = max(floor, ?) WHERE id = ?", (floor, room))


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


def _first(connection: apsw.Connection, row: Row) -> int:
    """Return the lowest number that a row covers."""
    if row[9] is None:  # only a row of this client's own covers missing events
        return row[1]
    query = "SELECT first FROM missing WHERE room = ? AND last = ?"
    return _number(connection, query, (row[0], row[1])) or row[1]


def _rows(connection: apsw.Connection, query: str, values: tuple[object, ...]) -> Iterator[Row]:
    """Yield rows. Stopping early ends the statement, which would hold the write-ahead log.

    `yield from` closes the cursor: apsw 3.54 keeps one alive that was open while another statement ran.
    """
    yield from cast("Iterable[Row]", connection.execute(query, cast("apsw.Bindings", values)))


def _number(connection: apsw.Connection, query: str, values: tuple[object, ...]) -> int:
    for (value,) in connection.execute(query, cast("apsw.Bindings", values)):
        return int(str(value))
    return 0


def pins(connection: apsw.Connection, room: RoomId) -> Sequence[Entry]:
    """Return the pinned messages that are here, the latest pin first; as many as a room can have.

    The right to pin was checked before an event got here: by the server in an open room, by
    ``e2ee.group.contents`` in an encrypted one. (``key_pins`` is about the keys of people.)
    """
    query = """
        SELECT target FROM events WHERE room = ? AND kind = 'pinned'
        GROUP BY target ORDER BY max(seq) DESC"""
    found: list[Entry] = []
    for (target,) in list(connection.execute(query, (room,))):
        found += [entry for entry in shown(connection, room, [Seq(int(str(target)))]) if entry.pinned]
        if len(found) == PINS_PER_ROOM.value:
            break
    return found
