"""History from one device of the account to another, over the direct room with oneself.

Messages that were read here in encrypted rooms, and the people that were verified, are sent as encrypted
files; their keys are inside messages that only devices of the account can decrypt. They are accepted only as
history: what is here stays as it is, nothing newer than what this device has processed is accepted, and no
group key is ever sent. Only a device of the account is trusted.
"""

import asyncio
import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast

import apsw
import msgspec

from parlour_client.core import attachments
from parlour_client.core.archive import history_parts, insertion
from parlour_client.core.archive.history_parts import Part
from parlour_client.core.archive.insertion import Annotation
from parlour_client.core.archive.known_rooms import numbering
from parlour_client.core.archive.rows import COLUMNS, Row, event_of, is_row
from parlour_client.core.e2ee.group.contents import file_with_key, keep_file_key
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.pins import SharedTrust
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.reconcile import TRANSIENT
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.messages.incoming import Names, hide_dividers
from parlour_client.core.e2ee.values import OwnDevice
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import HistoryReplaced
from parlour_client.core.model import BEFORE_JOIN
from parlour_client.core.room_log.numbering import Numbering
from parlour_client.core.room_log.translation import event_here, event_there
from parlour_client.kit.errors import ApiRefusedError
from parlour_client.kit.language import _
from parlour_mls import Secret
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.encrypted import EncryptedFile, HistoryContent
from parlour_protocol.frames import LogEvent, decode_server_frame, encode
from parlour_protocol.frames.bodies import EncryptedMessage, Handshake, Message
from parlour_protocol.frames.fields import FileName
from parlour_protocol.frames.opaque import FileKey
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName

PART_BYTES: Final = 4 * 1024 * 1024
"""Of JSON in one file: losing a part costs little."""
_LET_IN_SECONDS: Final = 20.0
"""In which both devices must be in the room with oneself."""
_LINE: Final = 64 * 1024
_NAME: Final = FileName("history")
_TYPE: Final = "application/octet-stream"


class _Line(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="event"):
    """One event, as it was read on the device that sends it."""

    event: str
    sealed: bool
    message: RequestId | None = None
    """Its id, by which replies and edits refer to it."""
    key: str | None = None
    """The key of its file."""


def _nothing(_done: int, _all: int) -> None:
    return


def _reads(device: OwnDevice) -> bool:
    return device.status is DeviceStatus.ACTIVE


class HistoryTransfer:
    """Sends the archive, and imports it."""

    def __init__(self, world: World, keys: Keys, scheduler: Scheduler) -> None:
        self._world = world
        self._keys = keys
        self._scheduler = scheduler
        self._lock = asyncio.Lock()

    async def send(self, room: RoomId, device: DeviceId) -> int:
        """Send the archive to another device of ours; returns how many events. Raises EncryptionError.

        ``room`` is the direct room with oneself.
        """
        await self._let_in(room, device)
        events = await self._world.archive.read(_events)
        known = [msgspec.json.encode(one) for one in await self._world.archive.read(pins.verified_people)]
        parts = list(_parts([*known, *events]))
        for number, part in enumerate(parts):
            await self._send_part(room, part, number, len(parts))
        return len(events)

    async def _let_in(self, room: RoomId, device: DeviceId) -> None:
        """Wait until both devices are in the room with oneself, whichever of them created its group."""
        others = [
            one.device for one in await self._keys.identity.devices() if not one.current and _reads(one)
        ]
        if device not in others:
            raise EncryptionError(
                _("That is not another approved device of yours."), _("See them: parlour device list")
            )
        try:
            async with asyncio.timeout(_LET_IN_SECONDS):
                for wanted in (self._keys.own.device, device):
                    await self._scheduler.now(room)
                    await self._world.signal.until(partial(self._is_in, room, wanted))
        except TimeoutError:
            raise EncryptionError(
                _("The other device could not be added."), _("Start Parlour there, then try again.")
            ) from None

    async def _is_in(self, room: RoomId, device: DeviceId) -> bool:
        report = await self._keys.report(room)
        return any(member.device == device for member in report.members)

    async def _send_part(self, room: RoomId, part: bytes, number: int, parts: int) -> None:
        key, digest = attachments.new_key(), hashlib.sha256()
        sealed = attachments.seal(io.BytesIO(part), len(part), key, digest.update, _nothing)
        size = attachments.sealed_size(len(part))
        uploaded = await self._world.delivery.upload(room, sealed, size)
        if uploaded.sha256 != digest.digest():
            raise EncryptionError(_("The server stored something other than what was sent."))
        file = EncryptedFile(
            file=uploaded.file,
            key=FileKey(key.reveal()),
            sha256=uploaded.sha256,
            name=_NAME,
            media_type=_TYPE,
            size=len(part),
        )
        await self._world.say(room, HistoryContent(file=file, part=number, parts=parts))

    async def import_waiting(self) -> None:
        """Import all that waits. A part that can't be fetched now is kept, a useless one is dropped.

        Rooms catch up first: nothing newer than what this device has processed is accepted.
        """
        async with self._lock:
            await self._world.catch_up.caught_up.wait()
            own = self._keys.own.device
            for part in await self._world.archive.read(history_parts.waiting):
                try:
                    changed = await self._imported(part, own)
                except EncryptionError:
                    changed = set()
                except ApiRefusedError as error:
                    if error.code in TRANSIENT:
                        raise
                    changed = set()
                await self._world.archive.write_durably(history_parts.drop, part)
                for room in changed:
                    self._world.emit(HistoryReplaced(room))

    async def _imported(self, part: Part, own: DeviceId) -> set[RoomId]:
        """Import a part; returns the rooms with new events. Parts that are not ours are ignored.

        Raises ParlourClientError if it cannot be fetched or is not the file that was sent.
        """
        summary = self._world.state.summary(part.room)
        # MLS verified its author; and it counts only if no one else can have read the keys of the files.
        mine = summary is not None and summary.peer == self._world.state.me
        if not mine or part.device == own or part.size > PART_BYTES + _LINE:
            return set()  # anyone else could write history that never was
        into = io.BytesIO()
        async with self._world.delivery.download(part.file) as chunks:
            digest = await attachments.open_sealed(chunks, into, part.size, Secret(part.key), _nothing)
        if digest != part.sha256:
            raise EncryptionError(_("The history that arrived is not what was sent."))
        lines = await asyncio.to_thread(_read, into.getvalue())
        changed: set[RoomId] = await self._world.archive.write(
            _store, lines, self._world.state.names_me, self._world.clock.now()
        )
        await self._keys.identity.refresh()
        return changed


def _events(connection: apsw.Connection) -> list[bytes]:
    """Return all events of encrypted rooms that were read here, in order."""
    query = f"""
        SELECT {COLUMNS} FROM events
        WHERE room IN (SELECT room FROM mls_rooms) AND trouble = '' AND (note IS NULL OR kind = 'message')
        ORDER BY room, seq"""  # noqa: S608 - constants
    lines, numbers = [], dict[RoomId, Numbering]()
    for row in list(connection.execute(query)):
        event = event_of(cast("Row", row))
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
        lines.append(msgspec.json.encode(_Line(encode(there).decode(), bool(row[7]), found, key)))
    return lines


def _parts(lines: list[bytes]) -> Iterator[bytes]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and size + len(line) + 1 > PART_BYTES:
            yield b"\n".join(part)
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield b"\n".join(part)


@dataclass(frozen=True, slots=True)
class _Came:
    event: LogEvent
    line: _Line


@dataclass(frozen=True, slots=True)
class _Part:
    events: list[_Came] = field(default_factory=list)
    verified: list[tuple[UserName, bytes]] = field(default_factory=list)


def _read(data: bytes) -> _Part:
    """Parse a part, as strictly as a frame of the server. Raises EncryptionError."""
    found = _Part()
    try:
        for text in data.split(b"\n"):
            line = msgspec.json.decode(text, type=_Line | SharedTrust)
            if isinstance(line, SharedTrust):
                found.verified.append(line.read())
                continue
            event = decode_server_frame(line.event.encode())
            if isinstance(event, LogEvent):
                found.events.append(_Came(event, line))
    except (msgspec.MsgspecError, MalformedFrameError) as error:
        raise EncryptionError(_("The history that arrived can't be read.")) from error
    return found


def _store(connection: apsw.Connection, came: _Part, names_me: Names, now: Millis) -> set[RoomId]:
    """Store events of encrypted rooms that are not here, or could not be read here."""
    for user, key in came.verified:
        pins.verify_shared(connection, user, key, now)
    rooms = connection.execute("SELECT room, cursor FROM mls_rooms")
    cursors = {RoomId(str(room)): int(str(cursor)) for room, cursor in rooms}
    by_room: dict[RoomId, list[_Came]] = {}
    numbers = {room: numbering(connection, room) for room in {one.event.room for one in came.events}}
    for there in came.events:
        one = _Came(event_here(there.event, numbers[there.event.room]), there.line)
        if one.event.seq <= cursors.get(one.event.room, 0):
            by_room.setdefault(one.event.room, []).append(one)
    changed: set[RoomId] = set()
    for room, found in by_room.items():
        for one in found:
            _make_room(connection, one)
        read_receipts = [Annotation(is_row(one.event.body), one.line.sealed) for one in found]
        mentions = [names_me(one.event.body) for one in found]
        if insertion.add(connection, [one.event for one in found], mentions, Seq(0), read_receipts):
            changed.add(room)
            # A row for an unreadable message would be among messages that are readable now.
            told = "UPDATE events SET is_row = 0 WHERE room = ? AND seq > ? AND trouble = ?"
            connection.execute(told, (room, min(one.event.seq for one in found), BEFORE_JOIN))
            hide_dividers(connection, room)
    return changed


def _make_room(connection: apsw.Connection, one: _Came) -> None:
    """Remove the row for the unreadable message, and store the message's id and file key."""
    event, line = one.event, one.line
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
