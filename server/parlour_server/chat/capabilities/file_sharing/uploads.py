"""File uploads and downloads for the members of a room.

The server stores only bytes: the name and type are in the message that refers to the file, and in an
encrypted room the bytes are ciphertext. No input becomes part of a path (CWE-22): the server creates each id,
and looks up a requested id in the store before it opens a file. `expiry.py` removes files.

With a content filter, all of a file of an unencrypted room is looked at before it is kept; the files of
encrypted rooms are ciphertext, and are not.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from parlour_protocol.delivery import FileStored
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId, RoomId, new_file_id
from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import FILE_BYTES
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore, Incoming
from parlour_server.chat.capabilities.file_sharing.budgets import UploadBudgets
from parlour_server.chat.capabilities.file_sharing.expiry import FileEvent
from parlour_server.chat.capabilities.file_sharing.records import FileStore
from parlour_server.chat.capabilities.file_sharing.settings import FileSettings
from parlour_server.chat.capabilities.file_sharing.types import FileRecord, FileReservation
from parlour_server.chat.permissions import in_force
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.content_filter import ContentFilter, Sender
from parlour_server.core.errors import ParlourServerError, RefusedError, UnavailableError
from parlour_server.core.output import warn
from parlour_server.core.store.records import SessionRecord

_MINUTE: Final = 60_000


class FilesFullError(ParlourServerError):
    """There is no space for the file; the text says whose is used up."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that may begin if there is space for it."""

    session: SessionRecord
    room: RoomId
    size: int
    encrypted: bool

    @property
    def by(self) -> BySession:
        """The session that sends it."""
        return BySession(self.session.user, self.session.id)


class Uploads:
    """The files of all rooms."""

    def __init__(
        self,
        store: ChatStore,
        files: FileStore,
        blobs: BlobStore,
        clock: Clock,
        audit: Audit,
        budgets: UploadBudgets,
        settings: FileSettings,
        content_filter: ContentFilter | None = None,
    ) -> None:
        """Take the collaborators; without ``content_filter`` no file is looked at."""
        self._content_filter = content_filter
        self._rooms = store.rooms
        self._files = files
        self._blobs = blobs
        self._clock = clock
        self._audit = audit
        self._budgets = budgets
        self._settings = settings

    async def may_upload(self, session: SessionRecord, room: RoomId, size: int) -> Upload:
        """Check the request, and count it. Raises RefusedError, TooManyAttemptsError."""
        if not 0 < size <= FILE_BYTES.value:
            raise RefusedError(ErrorCode.MALFORMED, f"a file must have 1 to {FILE_BYTES.value} bytes")
        member = await self._rooms.membership(room, session.user)
        summary = await self._rooms.summary(room, session.user)
        if member is None or summary is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
        if in_force(member.muted_until, self._clock.now()):
            raise RefusedError(ErrorCode.MUTED, "you are muted in this room")
        if summary.archived:
            raise RefusedError(ErrorCode.ARCHIVED, "this room is archived: nobody can write in it")
        self._budgets.upload(session.user, size)
        return Upload(session, room, size, summary.encrypted)

    async def upload(self, upload: Upload, chunks: AsyncIterator[bytes], *, seconds: float) -> FileStored:
        """Write the file; when this returns, its bytes and its record are on disk.

        Its space is reserved before a byte is read, for the ``seconds`` after which the caller ends this.
        Raises RefusedError, FilesFullError, UnavailableError.
        """
        file = new_file_id()
        digest, size = hashlib.sha256(), 0
        look = None
        if self._content_filter is not None and not upload.encrypted:
            look = self._content_filter.upload(upload.size, Sender(upload.session.user, upload.room))
        async with self._blobs.receiving(file) as incoming, self._reserved(incoming, upload, seconds):
            async for chunk in chunks:
                size += len(chunk)
                if size > upload.size:
                    raise RefusedError(ErrorCode.MALFORMED, "the body is longer than its Content-Length")
                digest.update(chunk)
                await incoming.write(chunk)
                if look is not None:
                    await look.more(chunk)
            if size != upload.size:
                raise RefusedError(ErrorCode.MALFORMED, "the body is shorter than its Content-Length")
            if look is not None:
                await look.end()
            await incoming.sync()
            record = self._record(file, upload, Digest(digest.digest()))
            await _to_its_end(self._keep(upload, record, incoming))
        self._audit.record(FileEvent.FILE_STORED, user=record.owner, room=record.room, file=file, bytes=size)
        return FileStored(file, size, record.sha256, record.expires)

    async def find(self, session: SessionRecord, file: str) -> FileRecord:
        """Return a file that the session's account may read. Raises RefusedError(NOT_FOUND)."""
        found = await self._files.find(FileId(file), session.user, self._clock.now())
        if found is None or not self._blobs.has(found.id):
            raise RefusedError(ErrorCode.NOT_FOUND, "no such file, or you don't have access to it")
        return found

    def read(self, record: FileRecord) -> AsyncIterator[bytes]:
        """Return the bytes of a file in pieces."""
        return self._blobs.read(record.id)

    def _record(self, file: FileId, upload: Upload, digest: Digest) -> FileRecord:
        now = self._clock.now()
        # In an encrypted room the server can't see whether a message refers to it: it stays.
        expires = None if upload.encrypted else Millis(now + self._settings.unnamed_minutes * _MINUTE)
        return FileRecord(file, upload.room, upload.session.user, upload.size, digest, now, expires)

    @asynccontextmanager
    async def _reserved(self, incoming: Incoming, upload: Upload, seconds: float) -> AsyncIterator[None]:
        """Count the file while its bytes come, and neither it nor its bytes any more if the block fails.

        If the server dies meanwhile, a sweep finds the unfinished upload; if it can't, the space is given up
        a little after the ``seconds``.
        """
        try:
            await self._reserve(incoming.file, upload, seconds)
            yield
        except BaseException:
            # No one gets its id: in an encrypted room it would take space permanently.
            await _to_its_end(self._give_up(incoming))
            raise

    async def _reserve(self, file: FileId, upload: Upload, seconds: float) -> None:
        owner, now = upload.session.user, self._clock.now()
        until = Millis(now + int(seconds * 1000) + _MINUTE)
        try:
            await self._files.reserve(
                upload.by,
                FileReservation(file, upload.room, owner, upload.size, now, until),
                user_bytes=self._budgets.file_bytes(owner, self._settings.user_bytes),
                room_bytes=self._settings.room_bytes,
                total_bytes=self._settings.total_bytes,
            )
        except RefusedError as error:
            if error.code == ErrorCode.LIMIT_REACHED:
                raise FilesFullError(_FULL) from error
            raise

    async def _keep(self, upload: Upload, record: FileRecord, incoming: Incoming) -> None:
        await self._files.put(upload.by, record)
        await incoming.keep()

    async def _give_up(self, incoming: Incoming) -> None:
        try:
            await self._blobs.remove([incoming.file])
            await self._files.forget([incoming.file])
        except UnavailableError:
            # Perhaps as a record without an end, if only the answer about it was lost.
            incoming.leave()
            warn("upload_not_forgotten", file=incoming.file, consequence="its space counts until a sweep")


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for work that must not stop half-way, also if the uploader disconnects meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


_FULL: Final = (
    "Not enough space for this file: yours, the room's or the server's is used up. Delete messages with "
    "files to make room."
)
