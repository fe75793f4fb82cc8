"""Files in the store: they live as long as what names them, and count until they are gone."""

from collections.abc import AsyncIterator
from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, FileRef, Message
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.app.account_data import ExportedFile
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.capabilities.file_sharing.records import (
    FileStore,
    end_file,
    end_files_of_room,
    find_file,
    keep_file,
)
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.store.store_part import AccountPart, BodyPart, RoomNumber, RoomRows, StorePart
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import RefusedError, UnavailableError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.connection import Connection, WriteConnection


def _check(db: Connection, event: AppendEvent) -> None:
    if isinstance(event.body, Message) and event.body.file is not None:
        refuse_wrong_file(event, event.body.file, find_file(db, event.body.file.file))


def refuse_wrong_file(event: AppendEvent, named: FileRef, file: FileRecord | None) -> None:
    """Refuse all but a file that the author uploaded to this room, with the right digest.

    Else a file of another room would be shown to this one. Raises RefusedError.
    """
    if file is None or file.room != event.room or file.owner != event.author or _is_over(file, event.at):
        raise RefusedError(ErrorCode.NOT_FOUND, "you have no such file in this room")
    if (file.size, file.sha256) != (named.size, named.sha256):
        raise RefusedError(ErrorCode.MALFORMED, "the size or digest of the file is wrong")


def _is_over(file: FileRecord, at: Millis) -> bool:
    return file.expires is not None and file.expires <= at


def _keep(db: WriteConnection, event: LogEvent) -> AnyBody:
    """Keep the message's file as long as the message."""
    if isinstance(event.body, Message) and event.body.file is not None:
        keep_file(db, event.body.file.file)
    return event.body


def _end(db: WriteConnection, body: AnyBody, at: Millis) -> None:
    if isinstance(body, Message) and body.file is not None:
        end_file(db, body.file.file, at)


def _end_all(db: WriteConnection, room: RoomId, at: Millis) -> None:
    db.execute("UPDATE files SET expires = ? WHERE room = ?", (at, room))


async def _export(store: KitStore, folder: DataFolder, user: UserName) -> AsyncIterator[ExportedFile]:
    blobs, clock = BlobStore(files_of(folder)), SystemClock()
    for file in await FileStore(store, clock).of(user, clock.now()):
        if blobs.has(file):
            yield ExportedFile(f"files/{file}", _bytes(blobs, file))


async def _bytes(blobs: BlobStore, file: FileId) -> AsyncIterator[bytes]:
    try:
        async for piece in blobs.read(file):
            yield piece
    except UnavailableError:  # it expired meanwhile
        return


FILES_IN_STORE: Final = StorePart(
    bodies={Message: BodyPart(check=_check, apply=_keep)},
    content_removed=_end,
    room_expired=end_files_of_room,
    room_deleted=_end_all,
    room_rows=(RoomRows("room_file_usage", ("room",), "room = ?1 AND bytes = 0"),),
    room_waits=("files", "room_file_usage"),
    room_numbers=(
        RoomNumber(
            "file_bytes",
            "(SELECT coalesce(max(bytes), 0) FROM room_file_usage u WHERE u.room = r.room)",
            "files {} bytes",
        ),
    ),
    accounts=AccountPart(
        counts={
            "files": "SELECT count(*) FROM files WHERE owner = ?",
            "file_bytes": "SELECT coalesce(sum(size), 0) FROM files WHERE owner = ?",
        },
        ends={
            "files_removed": (
                "SELECT file FROM files WHERE owner = ? AND (expires IS NULL OR expires > ?) LIMIT ?",
                "UPDATE files SET expires = ?2 WHERE file = ?1",
            )
        },
        exported={
            "files": (
                ("file", "room", "size", "created"),
                (
                    "SELECT file, room, size, created FROM files WHERE owner = ? AND length(sha256) > 0"
                    " ORDER BY created, file"
                ),
            )
        },
        files=_export,
    ),
)
