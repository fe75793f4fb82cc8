"""Converts between the contents of encrypted messages and the client's readable bodies and requests.

Encrypted contents refer to messages by their ids, the archive by ``seq``. So a number that the server changed
moves nothing to another message. An edit is accepted only from its author, a deletion from its author or a
moderator. Functions over a connection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import apsw

from parlour_client.core.archive.known_rooms import numbering
from parlour_client.core.archive.rows import user_name
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.language import _
from parlour_protocol.encrypted import (
    AnyContent,
    DeleteContent,
    EditContent,
    EncryptedFile,
    HistoryContent,
    PinContent,
    ReactContent,
    ReadContent,
    TextContent,
    VerifyContent,
)
from parlour_protocol.frames.bodies import AnyBody, Deleted, Edited, FileRef, Message, Pinned, Reacted
from parlour_protocol.frames.opaque import FileKey
from parlour_protocol.frames.requests import Delete, Edit, Pin, React, Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, RoomKind


@dataclass(frozen=True, slots=True)
class SendContent:
    """A request to send something other than a message: it has no row, and is not kept."""

    id: RequestId
    room: RoomId
    content: AnyContent


Intent = Send | Edit | Delete | React | Pin | SendContent
"""A request, as the outbox has it."""

_MODERATORS = (Role.MODERATOR, Role.OWNER)


class NotAllowedError(Exception):
    """A member's message exceeds its rights; ``str()`` is for the person."""


class NotReadHereError(Exception):
    """It is about a message that was never read here: from before this device joined, or deleted since."""


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """A message that was read here."""

    seq: Seq
    author: UserName
    is_text: bool


@dataclass(frozen=True, slots=True)
class Speaker:
    """The author of a message, and the room."""

    room: RoomId
    kind: RoomKind
    user: UserName
    role: Callable[[], Role | None]
    """Their role, by the members' decisions."""

    @property
    def moderates(self) -> bool:
        """Whether they may delete and pin other people's messages (never in a direct room)."""
        return self.kind is not RoomKind.DIRECT and self.role() in _MODERATORS


def known(connection: apsw.Connection, room: RoomId, message: RequestId) -> KnownMessage | None:
    """Return the message of that id."""
    query = "SELECT seq, author, is_text FROM mls_messages WHERE room = ? AND id = ?"
    for row in connection.execute(query, (room, message)):
        seq, author, is_text = cast("tuple[int, str, int]", row)
        return KnownMessage(Seq(seq), user_name(author), bool(is_text))
    return None


def remember(
    connection: apsw.Connection, room: RoomId, message: RequestId, seq: Seq, author: UserName, *, text: bool
) -> bool:
    """Note a message by its id; False, and nothing is noted, if it is a replay of another one.

    One that the server lost in a rollback may be sent again: its author never got the acknowledgement.
    """
    query = "INSERT INTO mls_messages VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    connection.execute(query, (room, message, seq, str(author), text))
    if connection.changes():
        return True
    before = known(connection, room, message)
    if before is None or before.author != author or numbering(connection, room).to_server(before.seq):
        return False
    connection.execute("UPDATE mls_messages SET seq = ? WHERE room = ? AND id = ?", (seq, room, message))
    return True


def body_of(
    connection: apsw.Connection, speaker: Speaker, content: AnyContent, blanks: Seq | None
) -> AnyBody | None:
    """Return the readable body; None for anything but an event of a timeline.

    Raises NotAllowedError, NotReadHereError.
    """
    if blanks is not None and not isinstance(content, DeleteContent):
        raise NotAllowedError(_("It made the server delete another message without saying so."))
    match content:
        case TextContent(text=text, reply_to=reply_to, file=file):
            answered = None if reply_to is None else known(connection, speaker.room, reply_to)
            seq = answered.seq if answered is not None and answered.is_text else None
            return Message(text=text, reply_to=seq, file=None if file is None else _file(file))
        case EditContent(target=target, text=text):
            about = _message(connection, speaker.room, target)
            if about.author != speaker.user:
                raise NotAllowedError(_("It would change someone else's message."))
            return Edited(target=about.seq, text=text)
        case DeleteContent(target=target):
            return _deleted(connection, speaker, target, blanks)
        case ReactContent(target=target, reaction=reaction, on=on):
            return Reacted(target=_message(connection, speaker.room, target).seq, reaction=reaction, on=on)
        case PinContent(target=target, on=on):
            if not speaker.moderates and speaker.kind is not RoomKind.DIRECT:
                raise NotAllowedError(_("Only moderators and owners pin messages here."))
            return Pinned(target=_message(connection, speaker.room, target).seq, on=on)
        case ReadContent() | VerifyContent() | HistoryContent():
            return None


def _deleted(connection: apsw.Connection, speaker: Speaker, target: RequestId, blanks: Seq | None) -> Deleted:
    about = known(connection, speaker.room, target)
    if about is None:
        # It was blanked before this device could read it: only its place is known. But if a message was read,
        # only its id counts, else anyone could delete it with a false one.
        if blanks is None:
            raise NotReadHereError
        if _is_read(connection, speaker.room, blanks):
            raise NotAllowedError(_("It is about a message that is not here."))
        return Deleted(target=blanks)
    if about.author != speaker.user and not speaker.moderates:
        raise NotAllowedError(_("It would delete someone else's message."))
    if blanks not in {None, about.seq}:
        raise NotAllowedError(_("It made the server delete a message other than the one it names."))
    return Deleted(target=about.seq)


def _is_read(connection: apsw.Connection, room: RoomId, seq: Seq) -> bool:
    query = "SELECT 1 FROM mls_messages WHERE room = ? AND seq = ?"
    return any(True for _ in connection.execute(query, (room, seq)))


def _message(connection: apsw.Connection, room: RoomId, target: RequestId) -> KnownMessage:
    found = known(connection, room, target)
    if found is None:
        raise NotReadHereError
    if not found.is_text:
        raise NotAllowedError(_("It is about a message that is not here."))
    return found


def _file(file: EncryptedFile) -> FileRef:
    return FileRef(
        file=file.file, name=file.name, media_type=file.media_type, size=file.size, sha256=file.sha256
    )


def content_of(connection: apsw.Connection, frame: Intent) -> tuple[AnyContent, Seq | None]:
    """Return the content to encrypt for a request, and the event that the server should blank.

    Raises EncryptionError if it is about a message that was not read here or was not encrypted (its id is not
    known), or names a file whose key is not here: a file is never sent unencrypted.
    """
    match frame:
        case Send(text=text, reply_to=reply_to, file=file):
            answered = None if reply_to is None else _id_at(connection, frame.room, reply_to)
            with_key = None if file is None else file_with_key(connection, frame.room, file)
            return TextContent(text=text, reply_to=answered, file=with_key), None
        case Edit(target=target, text=text):
            return EditContent(target=_id_at(connection, frame.room, target), text=text), None
        case Delete(target=target):
            return DeleteContent(target=_id_at(connection, frame.room, target)), target
        case React(target=target, reaction=reaction, on=on):
            about = _id_at(connection, frame.room, target)
            return ReactContent(target=about, reaction=reaction, on=on), None
        case Pin(target=target, on=on):
            return PinContent(target=_id_at(connection, frame.room, target), on=on), None
        case SendContent(content=content):
            return content, None


def was_readable(connection: apsw.Connection, room: RoomId, seq: Seq) -> bool:
    """Say whether the message is here from before the room was encrypted, when the server could read it."""
    query = (
        "SELECT 1 FROM events WHERE room = ? AND seq = ? AND sealed = 0 AND kind = 'message' AND trouble = ''"
    )
    return any(True for _ in connection.execute(query, (room, seq)))


def file_with_key(connection: apsw.Connection, room: RoomId, file: FileRef) -> EncryptedFile:
    """Return an attachment with its key. Raises EncryptionError if the key is not here."""
    query = "SELECT key FROM file_keys WHERE room = ? AND file = ? AND sha256 = ?"
    for (key,) in connection.execute(query, (room, file.file, bytes(file.sha256))):
        return EncryptedFile(
            file=file.file,
            key=FileKey(cast("bytes", key)),
            sha256=file.sha256,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
        )
    raise EncryptionError(
        _("The key of this file is not on this device."), _("Ask for the file to be sent again.")
    )


def keep_file_key(connection: apsw.Connection, room: RoomId, file: EncryptedFile) -> None:
    """Store an attachment's key; a later message that names another key for it changes nothing."""
    query = "INSERT OR IGNORE INTO file_keys (room, file, sha256, key) VALUES (?, ?, ?, ?)"
    connection.execute(query, (room, file.file, bytes(file.sha256), bytes(file.key)))


def _id_at(connection: apsw.Connection, room: RoomId, seq: Seq) -> RequestId:
    query = "SELECT id FROM mls_messages WHERE room = ? AND seq = ? AND is_text"
    for (found,) in connection.execute(query, (room, seq)):
        return RequestId(str(found))
    if was_readable(connection, room, seq):
        raise EncryptionError(
            _("That message was sent before the room was encrypted."),
            _("You can delete or unpin it. To reply to it or pin it, send it again."),
        )
    raise EncryptionError(
        _("That message was not read on this device."), _("Reply to or edit one that you can read here.")
    )
