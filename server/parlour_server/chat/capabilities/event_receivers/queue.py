"""The receivers of rooms' events, and what each is still to get.

The room's log is the queue: a receiver has a position in it, and a row for each event that waits or was given
up. So nothing is lost at a restart, a flood waits in the log, and what was deleted meanwhile is not sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_server.chat.capabilities.event_receivers.events import KINDS
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.sql.column_values import EVENT_COLUMNS, read_event_if_possible
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.journal import note_changed

CHANGED: Final = "event_receivers"
"""In the journal."""
MOST_WAITING: Final = 1_000
MOST_FAILED: Final = 1_000
_PAGE: Final = 200
_LEASE: Final = 60_000
"""Milliseconds after which another server tries what this one claimed: it has died."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A server that gets the events of a room."""

    id: str
    room: RoomId
    url: str
    events: str
    seq: Seq
    secret: bytes


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An event to be sent, for the ``attempts``th time; without one there is nothing to send any more."""

    seq: Seq
    attempts: int
    event: LogEvent | None
    room_name: str | None


class EventQueue:
    """The tables of receivers."""

    def __init__(self, store: ChatStore) -> None:
        self._writer = store.writer
        self._readers = store.readers

    async def list(self) -> Sequence[Receiver]:
        """Return all of them, oldest first."""
        query = (
            "SELECT receiver, room, url, events, seq, secret FROM event_receivers ORDER BY created, receiver"
        )
        return await self._readers.rows(Receiver, query)

    async def add(self, to: Receiver, now: Millis) -> None:
        """Keep one, for events after its ``seq``."""

        def write(db: WriteConnection) -> None:
            db.execute(
                "INSERT INTO event_receivers (receiver, room, url, events, seq, secret, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (to.id, to.room, to.url, to.events, to.seq, to.secret, now),
            )
            note_changed(db, now, CHANGED)

        await self._writer.submit(write)

    async def remove(self, which: str, now: Millis) -> None:
        """Delete one, with what it is still to get."""

        def write(db: WriteConnection) -> None:
            for table in ("event_deliveries", "event_receivers"):
                db.execute(f"DELETE FROM {table} WHERE receiver = ?", (which,))  # noqa: S608 - of ours
            note_changed(db, now, CHANGED)

        await self._writer.submit(write)

    async def failed(self) -> Sequence[tuple[str, Seq, int, Millis, str]]:
        """Return what was given up: receiver, event, attempts, when, and why, oldest first."""
        query = (
            "SELECT receiver, seq, attempts, failed, problem FROM event_deliveries WHERE failed IS NOT NULL"
            " ORDER BY failed, receiver, seq"
        )
        return await self._readers.rows(lambda *row: row, query)

    async def retry(self, which: str, now: Millis) -> int:
        """Send again, from the start, what was given up for a receiver; returns how much."""

        def write(db: WriteConnection) -> int:
            query = "UPDATE event_deliveries SET attempts = 0, due = ?, failed = NULL"
            return db.execute(f"{query} WHERE receiver = ? AND failed IS NOT NULL", (now, which)).rowcount

        return await self._writer.submit(write)

    async def count(self) -> Sequence[float]:
        """Return how many events wait, and how many were given up."""
        query = "SELECT count(due), count(failed) FROM event_deliveries"
        row = await self._readers.row(lambda *numbers: numbers, query)
        return [float(number) for number in row or ()]

    async def due(self, now: Millis) -> Sequence[str]:
        """Return the receivers that are to get something now."""
        return await self._readers.rows(
            str, "SELECT DISTINCT receiver FROM event_deliveries WHERE due <= ?", now
        )

    async def queue(self, to: Receiver, now: Millis) -> None:
        """Look at the next events of the room, as many as there is a place for."""

        def write(db: WriteConnection) -> None:
            row = db.execute("SELECT seq FROM event_receivers WHERE receiver = ?", (to.id,)).fetchone()
            waiting = "SELECT count(*) FROM event_deliveries WHERE receiver = ? AND due IS NOT NULL"
            places = min(_PAGE, MOST_WAITING - db.execute(waiting, (to.id,)).fetchone()[0])
            if row is None or places <= 0:
                return
            query = "SELECT seq, kind FROM entries WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?"
            found = db.execute(query, (to.room, row[0], places)).fetchall()
            wanted = [seq for seq, kind in found if KINDS.get(kind) in to.events.split()]
            db.executemany(
                "INSERT INTO event_deliveries (receiver, seq, room, attempts, due, problem)"
                " VALUES (?, ?, ?, 0, ?, '') ON CONFLICT DO NOTHING",
                [(to.id, seq, to.room, now) for seq in wanted],
            )
            last = "SELECT head FROM logs WHERE log = ?"  # without entries: they have expired
            seq = found[-1][0] if found else db.execute(last, (to.room,)).fetchone()[0]
            db.execute("UPDATE event_receivers SET seq = ? WHERE receiver = ?", (seq, to.id))

        await self._writer.submit(write, within=f"log:{to.room}")

    async def claim(self, to: Receiver, now: Millis) -> DueEvent | None:
        """Return the next event to send, which no other server sends meanwhile."""

        def write(db: WriteConnection) -> DueEvent | None:
            query = "SELECT seq, attempts FROM event_deliveries WHERE receiver = ? AND due <= ? ORDER BY seq"
            row = db.execute(f"{query} LIMIT 1", (to.id, now)).fetchone()
            if row is None:
                return None
            claim = "UPDATE event_deliveries SET attempts = ?, due = ? WHERE receiver = ? AND seq = ?"
            db.execute(claim, (row[1] + 1, now + _LEASE, to.id, row[0]))
            where = "SELECT name FROM rooms WHERE room = ? AND encrypted = 0 AND kind != 'deleted'"
            room = db.execute(where, (to.room,)).fetchone()
            entry = f"SELECT kind, {EVENT_COLUMNS} FROM entries WHERE log = ? AND seq = ?"  # noqa: S608 - ours
            found = db.execute(entry, (to.room, row[0])).fetchone()
            event = None
            if room is not None and found is not None and found[0] in KINDS:
                event = read_event_if_possible(to.room, found[1:])
            return DueEvent(Seq(row[0]), row[1] + 1, event, room and room[0])

        return await self._writer.submit(write, within=f"log:{to.room}")

    async def end(self, to: Receiver, seq: Seq) -> None:
        """Forget what was sent, or is there no more."""

        def write(db: WriteConnection) -> None:
            db.execute("DELETE FROM event_deliveries WHERE receiver = ? AND seq = ?", (to.id, seq))

        await self._writer.submit(write, within=f"log:{to.room}")

    async def fail(self, to: Receiver, seq: Seq, problem: str, now: Millis, due: Millis | None) -> None:
        """Try again at ``due``, or give it up (None): the oldest of too many such are forgotten."""
        failed = now if due is None else None

        def write(db: WriteConnection) -> None:
            query = "UPDATE event_deliveries SET due = ?, failed = ?, problem = ?"
            db.execute(f"{query} WHERE receiver = ? AND seq = ?", (due, failed, problem, to.id, seq))
            many = (
                "SELECT seq FROM event_deliveries WHERE receiver = ? AND failed IS NOT NULL"
                " ORDER BY failed DESC, seq DESC LIMIT 1000 OFFSET ?"
            )
            for (old,) in db.execute(many, (to.id, MOST_FAILED)).fetchall():
                db.execute("DELETE FROM event_deliveries WHERE receiver = ? AND seq = ?", (to.id, old))

        await self._writer.submit(write, within=f"log:{to.room}")
