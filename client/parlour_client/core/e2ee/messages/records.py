"""What a person has read in encrypted rooms, as lines: for another device of theirs, and for a backup.

A line is an event with what is needed to show it and to answer it, a verified person, or a room's settings.
No key of a group, no state of MLS, no draft is ever in one. Storing adds what is missing here: what is here
stays as it is, nothing newer than what this device has processed is accepted, and an event takes the place of
an unreadable one only if that is the same ciphertext. Functions over a connection.
"""

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, cast

import apsw
import msgspec
from msgspec import Meta

from parlour_client.core.archive import insertion, saved_preferences
from parlour_client.core.archive.insertion import Annotation, wire_digest
from parlour_client.core.archive.known_rooms import numbering
from parlour_client.core.archive.rows import COLUMNS, Row, event_of, is_row
from parlour_client.core.e2ee.group.contents import file_with_key, keep_file_key
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.pins import SharedTrust
from parlour_client.core.e2ee.messages.incoming import Names, hide_dividers
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import BEFORE_JOIN
from parlour_client.core.room_log.numbering import Numbering
from parlour_client.core.room_log.translation import event_here, event_there
from parlour_client.kit.language import _
from parlour_protocol.encrypted import EncryptedFile
from parlour_protocol.frames import LogEvent, decode_body, decode_server_frame, encode
from parlour_protocol.frames.bodies import EncryptedMessage, Handshake, Message
from parlour_protocol.frames.opaque import FileKey
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName


class EventRecord(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="event"):
    """One event, as it was read on the device that wrote the line."""

    event: str
    sealed: bool
    message: RequestId | None = None
    """Its id, by which replies and edits refer to it."""
    key: str | None = None
    """The key of its file."""
    digest: Annotated[str, Meta(pattern="^[A-Za-z0-9+/]{43}=$")] | None = None
    """The SHA-256 of the ciphertext, in base64."""


class RoomRecord(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="room"):
    """A room's name, so that it can be named where it is missing, and the person's settings of it."""

    room: str
    name: str
    favourite: bool
    muted: bool
    strict: bool


@dataclass(frozen=True, slots=True)
class Came:
    """An event with its line."""

    event: LogEvent
    record: EventRecord


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines, parsed."""

    events: list[Came] = field(default_factory=list)
    verified: list[tuple[UserName, bytes]] = field(default_factory=list)
    rooms: list[RoomRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stored:
    """The result: how many events of each room."""

    new: Counter[RoomId] = field(default_factory=Counter)
    here: Counter[RoomId] = field(default_factory=Counter)
    """They were here before."""
    refused: Counter[RoomId] = field(default_factory=Counter)
    """This account is not in the room, or this device has not read so far, or the server has another event
    in this place."""


def people(connection: apsw.Connection) -> list[bytes]:
    """Return the lines of everyone whom this device has verified."""
    return [msgspec.json.encode(one) for one in pins.verified_people(connection)]


def rooms(connection: apsw.Connection) -> list[bytes]:
    """Return the lines of encrypted rooms, the most recently used first."""
    query = """
        SELECT id, coalesce(json_extract(summary, '$.name'), json_extract(summary, '$.peer'), ''),
            coalesce(favourite, 0), coalesce(muted, 0), coalesce(strict, 0)
        FROM rooms JOIN mls_rooms ON mls_rooms.room = id LEFT JOIN room_choices ON room_choices.room = id
        ORDER BY (SELECT max(at) FROM events WHERE events.room = id) DESC"""
    return [
        msgspec.json.encode(RoomRecord(str(room), str(name), bool(favourite), bool(muted), bool(strict)))
        for room, name, favourite, muted, strict in connection.execute(query)
    ]


def events(connection: apsw.Connection) -> list[bytes]:
    """Return the lines of all events of encrypted rooms that were read here: rooms as ``rooms``, in order."""
    query = f"""
        SELECT {COLUMNS}, digest FROM events
        JOIN (SELECT room AS busy, max(at) AS latest FROM events GROUP BY room) ON busy = room
        WHERE room IN (SELECT room FROM mls_rooms) AND trouble = '' AND (note IS NULL OR kind = 'message')
        ORDER BY latest DESC, room, seq"""  # noqa: S608 - constants
    lines, numbers = [], dict[RoomId, Numbering]()
    for *columns, digest in list(connection.execute(query)):
        row = cast("Row", tuple(columns))
        event = event_of(row)
        if event.room not in numbers:
            numbers[event.room] = numbering(connection, event.room)
        # Numbers of a rolled-back room are local to this device: others know only the server's.
        there = event_there(event, numbers[event.room])
        if there is None or isinstance(event.body, EncryptedMessage | Handshake):
            continue
        ids = "SELECT id FROM mls_messages WHERE room = ? AND seq = ?"
        found = next((RequestId(str(i)) for (i,) in connection.execute(ids, (event.room, event.seq))), None)
        key = None
        if isinstance(event.body, Message) and event.body.file is not None:
            with suppress(EncryptionError):
                key = file_with_key(connection, event.room, event.body.file).key.text
        ciphertext = None if digest is None else base64.b64encode(cast("bytes", digest)).decode()
        record = EventRecord(encode(there).decode(), bool(row[7]), found, key, ciphertext)
        lines.append(msgspec.json.encode(record))
    return lines


def parts(lines: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Join lines to parts of at most ``size`` bytes; a longer line is a part by itself."""
    part: list[bytes] = []
    used = 0
    for line in lines:
        if part and used + len(line) + 1 > size:
            yield b"\n".join(part)
            part, used = [], 0
        part.append(line)
        used += len(line) + 1
    if part:
        yield b"\n".join(part)


def read(data: bytes) -> Part:
    """Parse a part, as strictly as a frame of the server. Raises EncryptionError."""
    found = Part()
    try:
        for text in data.split(b"\n"):
            line = msgspec.json.decode(text, type=EventRecord | SharedTrust | RoomRecord)
            if isinstance(line, SharedTrust):
                found.verified.append(line.read())
                continue
            if isinstance(line, RoomRecord):
                found.rooms.append(line)
                continue
            event = decode_server_frame(line.event.encode())
            if isinstance(event, LogEvent):
                found.events.append(Came(event, line))
    except (msgspec.MsgspecError, MalformedFrameError, UnicodeDecodeError) as error:
        raise EncryptionError(_("The history that arrived can't be read.")) from error
    return found


def store(connection: apsw.Connection, came: Part, names_me: Names, now: Millis) -> Stored:
    """Store events of encrypted rooms that are not here, or could not be read here."""
    for user, key in came.verified:
        pins.verify_shared(connection, user, key, now)
    for settings in came.rooms:
        _choose(connection, settings)
    found = connection.execute("SELECT room, cursor FROM mls_rooms")
    cursors = {RoomId(str(room)): int(str(cursor)) for room, cursor in found}
    by_room: dict[RoomId, list[Came]] = {}
    numbers = {room: numbering(connection, room) for room in {one.event.room for one in came.events}}
    stored = Stored()
    for there in came.events:
        one = Came(event_here(there.event, numbers[there.event.room]), there.record)
        if one.event.seq <= cursors.get(one.event.room, 0) and _is_same(connection, one):
            by_room.setdefault(one.event.room, []).append(one)
        else:
            stored.refused[one.event.room] += 1
    for room, run in by_room.items():
        for one in run:
            _make_room(connection, one)
        marks = [
            Annotation(is_row(one.event.body), one.record.sealed, digest=_digest(one.record)) for one in run
        ]
        mentions = [names_me(one.event.body) for one in run]
        new = len(insertion.add(connection, [one.event for one in run], mentions, Seq(0), marks))
        stored.here[room] += len(run) - new
        if new:
            stored.new[room] += new
            # A row for an unreadable message would be among messages that are readable now.
            told = "UPDATE events SET is_row = 0 WHERE room = ? AND seq > ? AND trouble = ?"
            connection.execute(told, (room, min(one.event.seq for one in run), BEFORE_JOIN))
            hide_dividers(connection, room)
    return stored


def same_here(connection: apsw.Connection, part: Part) -> int:
    """Return how many events of a part are here, and the same."""
    numbers = {room: numbering(connection, room) for room in {one.event.room for one in part.events}}
    query = f"SELECT {COLUMNS} FROM events WHERE room = ? AND seq = ?"  # noqa: S608 - constants
    same = 0
    for one in part.events:
        here = event_here(one.event, numbers[one.event.room])
        rows = connection.execute(query, (here.room, here.seq))
        same += any(event_of(cast("Row", row)) == here for row in rows)
    return same


def _choose(connection: apsw.Connection, record: RoomRecord) -> None:
    """Take over a room's settings, if the person has none here."""
    query = "SELECT 1 FROM room_choices WHERE room = ?"
    if not list(connection.execute(query, (record.room,))):
        room = RoomId(record.room)
        saved_preferences.set_for_room(connection, room, "favourite", on=record.favourite)
        saved_preferences.set_for_room(connection, room, "muted", on=record.muted)
        saved_preferences.set_for_room(connection, room, "strict", on=record.strict)


def _is_same(connection: apsw.Connection, one: Came) -> bool:
    """Say whether the event is not another one than that which this device got in its place."""
    query = "SELECT digest, body FROM events WHERE room = ? AND seq = ?"
    for digest, body in connection.execute(query, (one.event.room, one.event.seq)):
        here = cast("bytes | None", digest) or wire_digest(decode_body(str(body)))
        return here is None or one.record.digest is None or here == _digest(one.record)
    return True


def _digest(record: EventRecord) -> bytes | None:
    return None if record.digest is None else base64.b64decode(record.digest)


def _make_room(connection: apsw.Connection, one: Came) -> None:
    """Remove the row for the unreadable message, and store the message's id and file key."""
    event, line = one.event, one.record
    unread = "DELETE FROM events WHERE room = ? AND seq = ? AND kind = 'sealed' AND trouble != ''"
    connection.execute(unread, (event.room, event.seq))
    message = event.body if isinstance(event.body, Message) else None
    if line.message is not None and line.sealed:
        query = "INSERT OR IGNORE INTO mls_messages VALUES (?, ?, ?, ?, ?)"
        connection.execute(
            query, (event.room, line.message, event.seq, str(event.author), message is not None)
        )
    if line.key is not None and message is not None and message.file is not None:
        file = message.file
        key = FileKey.parse(line.key)
        whole = EncryptedFile(
            file=file.file, key=key, sha256=file.sha256, name=file.name, media_type=file.media_type,
            size=file.size,
        )  # fmt: skip
        keep_file_key(connection, event.room, whole)
