"""Removes messages that are older than their room keeps them, and knows how long that is.

What people wrote goes: messages, edits, reactions, pins, encrypted messages, and what is left of deleted
ones. What a room is stays: how it was created, who came and went, roles, topics, and the commits of an
encrypted room, without which a device that was away could not follow. The newest event of a room is blanked
instead, and removed once it is not the newest, so that no number is used twice. One batch is one write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Blank, Message, RetentionSet
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.unions import members
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.retention_policy import RetentionPolicy, shortest
from parlour_server.chat.store.sql.column_values import BODY_KINDS, EXPIRED, read_body, write_body
from parlour_server.chat.store.store_part import BodyPart, StorePart, StoreParts
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import UNREADABLE
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.retention import BATCH
from parlour_server.core.store.engine.trusted_clock import DAY, TrustedClock

_KINDS: Final = frozenset(BODY_KINDS[kind] for kind in members(AnyBody) if kind.rules.expires)
_KINDS_IN_SQL: Final = ", ".join(f"'{kind}'" for kind in sorted(_KINDS))
_BLANK: Final = write_body(Blank(was=EXPIRED))
_POLICY: Final = "kept_days, next_days, next_from"
_OLDEST: Final = "SELECT seq, at, kind, body FROM entries WHERE log = ? AND seq >= ? ORDER BY seq LIMIT ?"
_REMOVE: Final = f"DELETE FROM entries WHERE log = ? AND seq BETWEEN ? AND ? AND kind IN ({_KINDS_IN_SQL})"  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class ExpiringRoom:
    """A room whose messages up to a time are to be removed."""

    room: RoomId
    before: Millis


class RetentionStore:
    """How long messages are kept, and the removal of older ones."""

    def __init__(self, store: ChatStore) -> None:
        self._parts = store.parts
        self._writer = store.writer
        self._readers = store.readers

    async def set_for_server(self, days: int | None, now: Millis, notice: int) -> RetentionPolicy:
        """Set how long the server keeps messages; a shorter time applies after ``notice`` milliseconds."""

        def write(db: WriteConnection) -> RetentionPolicy:
            policy, past = read_policy(db, None), _past(db, now)
            changed = policy.settled(past).changed(days, past, notice + now - past)
            if changed != policy:
                db.execute("INSERT INTO retention (id) VALUES (1) ON CONFLICT DO NOTHING")
                _write_policy(db, "retention", "id = 1", (), changed)
            return changed

        return await self._writer.submit(write)

    async def policy(self, room: RoomId | None) -> RetentionPolicy:
        """Return what is set for a room, or for the server (None)."""
        return await self._readers.run(partial(read_policy, room=room))

    async def look_at_clock(self, now: Millis) -> TrustedClock:
        """Return the time by which messages expire, after looking at the clock."""

        def write(db: WriteConnection) -> TrustedClock:
            row = db.execute("SELECT trusted, looked, held FROM retention WHERE id = 1").fetchone()
            clock = TrustedClock(*(row or (Millis(0), Millis(0)))).look(now)
            db.execute(
                "INSERT INTO retention (id, trusted, looked, held) VALUES (1, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET trusted = excluded.trusted, looked = excluded.looked,"
                " held = excluded.held",
                (clock.trusted, clock.looked, clock.held),
            )
            return clock

        return await self._writer.submit(write)

    async def due(self, now: Millis) -> Sequence[ExpiringRoom]:
        """Return the rooms that have messages older than they keep them."""
        return await self._readers.run(partial(_due, now=now))

    async def expire(self, room: ExpiringRoom, now: Millis) -> int:
        """Remove a batch of a room's messages; returns how many were looked at, 0 when there are no more."""
        return await self._writer.submit(
            partial(_expire, room=room, now=now, parts=self._parts), within=f"log:{room.room}"
        )


def read_policy(db: Connection, room: RoomId | None) -> RetentionPolicy:
    """Return what is set for a room, or for the server (None)."""
    if room is None:
        row = db.execute(f"SELECT {_POLICY} FROM retention WHERE id = 1").fetchone()  # noqa: S608 - columns of ours
    else:
        row = db.execute(f"SELECT {_POLICY} FROM rooms WHERE room = ?", (room,)).fetchone()  # noqa: S608 - columns of ours
    return RetentionPolicy() if row is None else RetentionPolicy(*row)


def _past(db: Connection, now: Millis) -> Millis:
    """Return the time up to which notice periods are over: a clock that jumped ahead ends none."""
    (trusted,) = db.execute("SELECT coalesce(max(trusted), 0) FROM retention").fetchone()
    return min(now, trusted) if trusted else now


def refuse_same(event: AppendEvent, known: RetentionPolicy) -> None:
    """Refuse to set what is set or announced already. Raises RefusedError."""
    policy = known.settled(event.at)
    if isinstance(event.body, RetentionSet) and policy.changed_by(event.body, event.at) == policy:
        raise RefusedError(ErrorCode.ALREADY, "messages here are already kept for that long")


def _check(db: Connection, event: AppendEvent) -> None:
    refuse_same(event, read_policy(db, event.room))


def _set_for_room(db: WriteConnection, event: LogEvent) -> AnyBody:
    """Set how long a room keeps messages; returns the body with what applies, and from when on.

    The server may keep them for less time than the room's owner wants. The given body has the end of the
    notice period, which counts only if more is removed than now.
    """
    body = event.body
    if not isinstance(body, RetentionSet):
        return body
    changed = read_policy(db, event.room).changed_by(body, event.at)
    _write_policy(db, "rooms", "room = ?", (event.room,), changed)
    days = shortest(read_policy(db, None).at(event.at), body.days)
    return replace(body, days=days, applies=changed.next_from or event.at)


def _write_policy(
    db: WriteConnection, table: str, which: str, key: tuple[Any, ...], policy: RetentionPolicy
) -> None:
    db.execute(
        f"UPDATE {table} SET kept_days = ?, next_days = ?, next_from = ? WHERE {which}",  # noqa: S608 - of ours
        (policy.days, policy.next_days, policy.next_from, *key),
    )


def _due(db: Connection, now: Millis) -> list[ExpiringRoom]:
    server = read_policy(db, None)
    rows = db.execute(
        f"SELECT room, head, kept_from, {_POLICY} FROM rooms JOIN logs ON log = room"  # noqa: S608 - columns of ours
    ).fetchall()
    found: list[ExpiringRoom] = []
    for room, head, kept_from, *columns in rows:
        lengths = [days for days in (server.at(now), RetentionPolicy(*columns).at(now)) if days is not None]
        if not lengths or kept_from > head:
            continue
        due = ExpiringRoom(RoomId(room), Millis(now - min(lengths) * DAY))
        oldest = db.execute(_OLDEST, (room, max(1, kept_from), 1)).fetchall()
        if any(at <= due.before for _, at, _, _ in oldest):
            found.append(due)
    return found


def _begin(kept_from: int) -> int:
    """Return where to look: at the newest event of last time, which was blanked, and after it."""
    return max(1, kept_from - 1)


def _expire(db: WriteConnection, room: ExpiringRoom, now: Millis, parts: StoreParts) -> int:
    row = db.execute(
        "SELECT head, kept_from, removed_before FROM rooms JOIN logs ON log = room WHERE room = ?",
        (room.room,),
    ).fetchone()
    if row is None:
        return 0
    head, kept_from, removed_before = row
    begin = _begin(kept_from)
    last, gone, size, looked = kept_from - 1, 0, 0, 0
    for seq, at, kind, body in db.execute(_OLDEST, (room.room, begin, BATCH)).fetchall():
        if at > room.before:
            break  # by number, not by time: what is after it stays until this one goes
        last, looked = max(last, seq), looked + 1
        if kind not in _KINDS or (seq == head and body == _BLANK):
            continue
        gone, size = gone + 1, size + len(body)
        if parts.content_removed and kind == BODY_KINDS[Message]:
            _content_removed(db, body, now, parts)
        if seq == head:
            _blank(db, room.room, seq)
            size -= len(_BLANK)
    if gone:
        end = last - 1 if last == head else last
        for table in ("reactions", "pins"):
            query = f"DELETE FROM {table} WHERE room = ? AND target BETWEEN ? AND ?"  # noqa: S608 - a table of ours
            db.execute(query, (room.room, begin, last))
        db.execute(_REMOVE, (room.room, begin, end))
        for expired in parts.room_expired:
            expired(db, room.room, Millis(room.before - DAY), now)
        db.execute(
            "UPDATE rooms SET removed_before = ? WHERE room = ?",
            (max(room.before, removed_before or 0), room.room),
        )
        db.stale_wal = True
    db.execute(
        "UPDATE logs SET kept_from = ?, bytes = bytes - ? WHERE log = ?",
        (last + 1 if last > 0 else 0, size, room.room),
    )
    # Rows that stay are looked at once: go on after them.
    return looked if looked == BATCH or gone else 0


def _blank(db: WriteConnection, room: RoomId, seq: Seq) -> None:
    db.execute(
        "UPDATE entries SET kind = 'blank', target = NULL, body = ? WHERE log = ? AND seq = ?",
        (_BLANK, room, seq),
    )


def _content_removed(db: WriteConnection, raw: bytes, now: Millis, parts: StoreParts) -> None:
    try:
        body = read_body(raw)
    except UNREADABLE:
        return  # ``room_expired`` ends what it had
    for removed in parts.content_removed:
        removed(db, body, now)


RETENTION_IN_STORE: Final = StorePart(bodies={RetentionSet: BodyPart(check=_check, apply=_set_for_room)})
