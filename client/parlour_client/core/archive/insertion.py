"""Inserts events into the archive: a run of one room at once, each event once.

A deleted event loses its text, in the table and in the search index. Queries cover a whole run if possible:
ten thousand messages may wait after a night. Functions over a connection, run by ``Archive`` on its thread.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import apsw
from msgspec.structs import replace

from parlour_client.core.archive.events import floors, shown
from parlour_client.core.archive.rows import about_of, is_row, kind_of, note_text, target_of
from parlour_client.core.archive.search_index import index_fresh, index_message
from parlour_client.core.model import Entry, Note
from parlour_client.core.room_log.missing import MissingEvents, have_expired
from parlour_protocol.frames import AnyBody, LogEvent, decode_body, encode_body
from parlour_protocol.frames.bodies import (
    Blank,
    Deleted,
    EncryptedMessage,
    Handshake,
    Message,
    Pinned,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.unions import members

TOLD_ONE_BY_ONE: Final = 50
"""Events whose rows are reported one by one; after a longer run a view reloads what it shows."""
_INSERT: Final = """
    INSERT INTO events (id, room, seq, at, author, device, kind, target, reply_to, is_row, mention, body,
        sealed, trouble, note, digest)
    VALUES (
        (SELECT iif(free < ?2, free, NULL) FROM (
            SELECT max(?1, coalesce(max(id), 0) + 1) AS free FROM events WHERE id < ?2)),
        ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    ON CONFLICT (room, seq) DO UPDATE
        SET kind = excluded.kind, target = NULL, is_row = excluded.is_row, mention = 0, body = excluded.body
        WHERE excluded.kind = 'blank' AND events.kind != 'blank'
    RETURNING id
"""  # an id sorts by time (NULL, which lets SQLite choose, where a millisecond is full); what is known
# changes in one way only: it was deleted on the server meanwhile
LATEST_TIME: Final = (1 << 42) - 1
"""Milliseconds, the year 2109: a server may write any number, and an id has room for 42 bits of it."""
_STAY: Final = json.dumps(
    [
        "blank",
        *(
            kind.__struct_config__.tag
            for kind in members(AnyBody)
            if "target" in kind.__struct_fields__ and not kind.rules.deleted_with_target
        ),
    ]
)
"""Kinds that stay when the message that they are about is deleted."""
AT_ONE_TIME: Final = 20
"""Bits that distinguish events of the same millisecond."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One event that was new here.

    ``entry`` is the timeline's row that it made or changed, None if there is none (its target is not here)
    and after a run of more than ``TOLD_ONE_BY_ONE``. ``request`` is ours if it is a message that this
    archive's outbox sent.
    """

    event: LogEvent
    entry: Entry | None
    mention: bool
    request: RequestId | None = None
    about: Entry | None = None
    """The message that was pinned or unpinned, which changed too."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """This client's note on an encrypted event. ``row``: it is a row of the timeline."""

    row: bool
    sealed: bool = False
    trouble: str = ""
    note: Note | None = None
    digest: bytes | None = None
    """Of the ciphertext, to recognise it."""


def wire_digest(body: AnyBody) -> bytes | None:
    """Return the digest that identifies an encrypted body whose ciphertext was dropped, else None."""
    if isinstance(body, EncryptedMessage | Handshake):
        return hashlib.sha256(f"{body.group} {body.epoch} ".encode() + body.data).digest()
    return None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is in the archive now. ``number`` is its row id."""

    event: LogEvent
    mention: bool
    number: int = 0
    request: RequestId | None = None


def add(
    connection: apsw.Connection,
    events: Sequence[LogEvent],
    mentions: Sequence[bool],
    top: Seq,
    marks: Sequence[Annotation] | None = None,
) -> list[Applied]:
    """Store the events of one room that are not here yet; ``top`` is the room's newest one afterwards.

    ``marks`` are for events of an encrypted room, which the group service has decrypted.
    """
    if not events:
        return []
    room = events[0].room
    marks = marks or [_mark(event) for event in events]
    _, forgotten = floors(connection, room)  # deleted messages are not stored again
    events = [_clipped(connection, event) for event in events]
    fresh = [
        NewEvent(event, mention, number)
        for event, mention, mark in zip(events, mentions, marks, strict=True)
        if event.seq > forgotten
        and _is_still_missing(connection, event)
        and (number := _insert(connection, event, mention, mark)) is not None
    ]
    for came in fresh:
        if isinstance(came.event.body, Deleted):
            _blank(connection, room, came.event.body.target)
        elif isinstance(came.event, MissingEvents):
            values = (room, came.event.first, came.event.seq)
            connection.execute("INSERT OR REPLACE INTO missing VALUES (?, ?, ?)", values)
    _index(connection, room, fresh)
    connection.execute("UPDATE rooms SET top = max(top, ?) WHERE id = ?", (top, room))
    return applied(connection, room, fresh)


def receive(
    connection: apsw.Connection, events: Sequence[LogEvent], mentions: Sequence[bool], top: Seq
) -> list[Applied]:
    """Store the next events of one room, and return the effects of all that are here now.

    Those that another program of this home stored first (a `send` while the chat is open) are new here too.
    """
    told = add(connection, events, mentions, top)
    fresh = {stored.event.seq for stored in told}
    _, forgotten = floors(connection, events[0].room)
    query = "SELECT 1 FROM events WHERE room = ? AND seq = ?"
    before = [
        NewEvent(event, mention)
        for event, mention in zip(events, mentions, strict=True)
        if event.seq > forgotten
        and event.seq not in fresh
        and list(connection.execute(query, (event.room, event.seq)))
    ]
    told += applied(connection, events[0].room, before)
    return sorted(told, key=lambda stored: stored.event.seq)


def applied(connection: apsw.Connection, room: RoomId, run: Sequence[NewEvent]) -> list[Applied]:
    """Return the effects of events that are here; outbox rows that are stored there are removed."""
    if not run:
        return []
    ours = _arrived(connection, room, [c.event.seq for c in run if not isinstance(c.event, MissingEvents)])
    about = [target_of(came.event.body) or came.event.seq for came in run]
    pinned = {came.event.seq: came.event.body.target for came in run if isinstance(came.event.body, Pinned)}
    changed_rows = shown(connection, room, [*about, *pinned.values()]) if len(run) <= TOLD_ONE_BY_ONE else ()
    rows = {entry.seq: entry for entry in changed_rows}
    return [
        Applied(
            came.event,
            rows.get(seq),
            came.mention,
            ours.get(came.event.seq, came.request),
            rows.get(pinned.get(came.event.seq)),
        )
        for came, seq in zip(run, about, strict=True)
    ]


def _mark(event: LogEvent) -> Annotation:
    if isinstance(event, MissingEvents):
        return Annotation(row=True, note=event.note)
    return Annotation(is_row(event.body))


def _clipped(connection: apsw.Connection, event: LogEvent) -> LogEvent:
    """Limit a row about removed messages to those after the last one below it that is here."""
    if not have_expired(event):
        return event
    query = "SELECT max(seq) FROM events WHERE room = ? AND seq BETWEEN ? AND ?"
    for (last,) in connection.execute(query, (event.room, event.first, event.seq)):
        if last is not None and int(str(last)) < event.seq:
            return replace(event, first=Seq(int(str(last)) + 1))
    return event


def _is_still_missing(connection: apsw.Connection, event: LogEvent) -> bool:
    """Return False for missing events of which some are here, or that a row covers already."""
    if not isinstance(event, MissingEvents):
        return True
    query = """
        SELECT 1 FROM events WHERE room = ?1 AND seq BETWEEN ?2 AND ?3
        UNION ALL SELECT 1 FROM missing WHERE room = ?1 AND first <= ?3 AND last >= ?2"""
    return not list(connection.execute(query, (event.room, event.first, event.seq)))


def _insert(
    connection: apsw.Connection,
    event: LogEvent,
    mention: bool,  # noqa: FBT001 - a column
    mark: Annotation,
) -> int | None:
    """Return the number of the new or changed row."""
    body, first = event.body, min(event.at, LATEST_TIME) << AT_ONE_TIME
    values = (
        first, first + (1 << AT_ONE_TIME), event.room, event.seq, event.at, event.author, event.device,
        kind_of(body), about_of(body), body.reply_to if isinstance(body, Message) else None,
        mark.row, mention, encode_body(body).decode(), mark.sealed, mark.trouble,
        note_text(mark.note) if mark.note is not None else None, mark.digest,
    )  # fmt: skip
    made = connection.execute(_INSERT, tuple(str(v) if isinstance(v, str) else v for v in values))
    return next((int(str(number)) for (number,) in made), None)


def correct(connection: apsw.Connection, room: RoomId, seq: Seq, note: Note | None) -> None:
    """Change or remove the note of an event that is here."""
    query = "SELECT body, trouble FROM events WHERE room = ? AND seq = ?"
    for text, trouble in list(connection.execute(query, (room, seq))):
        body = decode_body(str(text))
        row = note is not None or bool(trouble) or (is_row(body) and not isinstance(body, EncryptedMessage))
        values = (note_text(note) if note is not None else None, row, room, seq)
        connection.execute("UPDATE events SET note = ?, is_row = ? WHERE room = ? AND seq = ?", values)


def _blank(connection: apsw.Connection, room: RoomId, target: Seq) -> None:
    """Overwrite a message, its edits and its reactions, as the server does."""
    query = """
        SELECT seq, kind FROM events
        WHERE room = ?1 AND (seq = ?2 OR target = ?2) AND kind NOT IN (SELECT value FROM json_each(?3))"""
    update = """
        UPDATE events SET kind = 'blank', target = NULL, is_row = ?, mention = 0, body = ?
        WHERE room = ? AND seq = ?"""
    for seq, kind in list(connection.execute(query, (room, target, _STAY))):
        body = Blank(was=str(kind))
        connection.execute(update, (is_row(body), encode_body(body).decode(), room, seq))


def _index(connection: apsw.Connection, room: RoomId, fresh: Sequence[NewEvent]) -> None:
    """Index new events for the search; a message that others here refer to is read from the table."""
    if not fresh:
        return
    seqs = [came.event.seq for came in fresh]
    query = "SELECT DISTINCT target FROM events WHERE room = ? AND target BETWEEN ? AND ?"
    targets = {int(str(seq)) for (seq,) in connection.execute(query, (room, min(seqs), max(seqs)))}
    again: set[Seq] = set()
    for came in fresh:
        event, seq = came.event, _message_of(came.event)
        if isinstance(event.body, Message) and event.seq not in targets:
            index_fresh(connection, came.number, event, event.body, mention=came.mention)
        elif seq is not None:
            again.add(seq)
    for seq in again:
        index_message(connection, room, seq)


def _message_of(event: LogEvent) -> Seq | None:
    """Return the message whose searchable text an event may change."""
    if isinstance(event.body, Message | Blank):
        return event.seq
    return target_of(event.body)


def _arrived(connection: apsw.Connection, room: RoomId, seqs: Sequence[Seq]) -> dict[Seq, RequestId]:
    """Remove outbox rows whose events these are; returns their requests."""
    if not seqs:
        return {}
    query = "SELECT seq, request FROM outbox WHERE room = ? AND seq BETWEEN ? AND ? ORDER BY position DESC"
    ours: dict[Seq, RequestId] = {}
    for seq, request in list(connection.execute(query, (room, min(seqs), max(seqs)))):
        if seq in seqs:
            ours[Seq(int(str(seq)))] = RequestId(str(request))
            connection.execute("DELETE FROM outbox WHERE request = ?", (request,))
    return ours
