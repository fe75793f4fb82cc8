"""Sending and saving files, in open and in encrypted rooms.

In an encrypted room nothing is sent in plaintext: ciphertext is uploaded, and the file's name and key are
only in the encrypted message. A file that does not match its message is refused before it gets its name.
"""

import asyncio
import hashlib
import io
import mimetypes
import re
from pathlib import Path
from typing import BinaryIO, Final

from parlour_client.core import attachments
from parlour_client.core.archive import Archive
from parlour_client.core.attachments import Progress
from parlour_client.core.checked_text import message_text
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.e2ee.group.contents import file_with_key, keep_file_key
from parlour_client.core.errors import ARCHIVED, OWNERS_UNARCHIVE, EncryptionError
from parlour_client.core.messages import Messages
from parlour_client.core.model import Entry
from parlour_client.core.sync.state import State
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.errors import ServerMisbehavedError, SetupError
from parlour_client.kit.language import _
from parlour_mls import Secret
from parlour_protocol.delivery import FileStored
from parlour_protocol.encrypted import EncryptedFile
from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.frames.fields import FileName
from parlour_protocol.frames.opaque import Digest, FileKey
from parlour_protocol.frames.requests import Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, new_request_id

_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,63}/[a-z0-9.+-]{1,63}")


def no_progress(_done: int, _all: int) -> None:
    """Show nothing."""


class Files:
    """The files of one account's rooms."""

    def __init__(
        self, archive: Archive, state: State, messages: Messages, delivery: DeliveryClient, e2ee: E2ee
    ) -> None:
        self._archive = archive
        self._state = state
        self._messages = messages
        self._delivery = delivery
        self._e2ee = e2ee

    async def send(
        self,
        room: RoomId,
        path: Path,
        caption: str = "",
        *,
        reply_to: Seq | None = None,
        progress: Progress = no_progress,
    ) -> Entry:
        """Upload a file and queue the message that names it. Cancelling leaves no trace.

        Raises SetupError for what cannot be read or sent.
        """
        known = self._state.room(room)
        if known is None:
            raise SetupError(_("You are not in this room."), _("Join it first: parlour room join NAME."))
        if known.archived:
            raise SetupError(_(ARCHIVED), _(OWNERS_UNARCHIVE))
        name = _file_name(path)
        text = message_text(caption or str(name))
        with attachments.to_send(path) as (file, size):
            digest, key = hashlib.sha256(), None
            if not self._e2ee.covers(room):
                chunks = attachments.plain(file, size, digest.update, progress)
                stored = await self._delivery.upload(room, chunks, size)
            else:
                await self._e2ee.inspection.file(room, str(name), _media_type(path), size, file)
                self._e2ee.require_ready()  # else nothing is uploaded
                key = attachments.new_key()
                sealed = attachments.seal(file, size, key, digest.update, progress)
                stored = await self._delivery.upload(room, sealed, attachments.sealed_size(size))
        _check(stored, digest.digest())
        reference = FileRef(
            file=stored.file, name=name, media_type=_media_type(path), size=size, sha256=stored.sha256
        )
        if key is not None:
            whole = EncryptedFile(
                file=stored.file, key=FileKey(key.reveal()), sha256=stored.sha256, name=name,
                media_type=reference.media_type, size=size,
            )  # fmt: skip
            await self._archive.write_durably(keep_file_key, room, whole)
        frame = Send(id=new_request_id(), room=room, text=text, reply_to=reply_to, file=reference)
        return (await self._messages.queue([frame]))[0]

    async def save(self, entry: Entry, folder: Path, *, progress: Progress = no_progress) -> Path:
        """Save the file of a message in a folder; returns its path. Nothing is overwritten.

        Raises EncryptionError, or ServerMisbehavedError if it is not the file that was sent.
        """
        wanted = _file_of(entry)
        with attachments.to_save(folder) as (into, part):
            await self._fetch(entry, wanted, into, progress)
            into.flush()
            return await asyncio.to_thread(attachments.give_name, part, wanted.name)

    async def read(self, entry: Entry, most: int) -> bytes:
        """Return the content of a message's file, which is never on a disk.

        Raises EncryptionError or ServerMisbehavedError as ``save``, SetupError above ``most`` bytes.
        """
        wanted = _file_of(entry)
        if wanted.size > most:
            raise SetupError(_("The file is too large."))
        into = io.BytesIO()
        await self._fetch(entry, wanted, into, no_progress)
        return into.getvalue()

    async def _fetch(self, entry: Entry, wanted: FileRef, into: BinaryIO, progress: Progress) -> None:
        """Download a file and decrypt it. Raises unless it is the one that was sent."""
        key = None
        if entry.sealed:
            key = (await self._archive.read(file_with_key, entry.room, wanted)).key
        async with self._delivery.download(wanted.file) as chunks:
            if key is None:
                digest = await attachments.open_plain(chunks, into, wanted.size, progress)
            else:
                secret = Secret(bytes(key))
                digest = await attachments.open_sealed(chunks, into, wanted.size, secret, progress)
        if digest != wanted.sha256:
            raise EncryptionError(
                _("The file is not the one that was sent; nothing of it was kept."),
                _("Ask its author to send it again."),
            )


def _file_of(entry: Entry) -> FileRef:
    if entry.file is None:
        raise SetupError(_("There is no file with this message."))
    return entry.file


def _check(stored: FileStored, digest: bytes) -> None:
    if stored.sha256 != Digest(digest):
        raise ServerMisbehavedError(_("The server stored another file than the one that was sent."))


def _file_name(path: Path) -> FileName:
    try:
        return FileName.parse(path.name)
    except ValueError as error:
        raise SetupError(_("The file's name cannot be sent."), _("Rename it, then send it again.")) from error


def _media_type(path: Path) -> str:
    guessed = (mimetypes.guess_type(path.name)[0] or "").lower()
    return guessed if _MEDIA_TYPE.fullmatch(guessed) else "application/octet-stream"
