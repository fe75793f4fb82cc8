"""The records of uploaded files: owner, size and expiry.

A file counts against its owner, its room and the server from its reservation, before its first byte, until
its bytes are removed and its record is deleted. A reservation is a record without a digest, and not found.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.chat.capabilities.file_sharing.types import FileRecord, FileReservation
from parlour_server.core.accounts.tables.authority import Authority, BySession, authorised
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection

_COLUMNS: Final = "f.file, f.room, f.owner, f.size, f.sha256, f.created, f.expires"
_NO_DIGEST: Final = b""
"""Of a reservation."""

_EVERYONE: Final = ""
"""The key for all owners together; no name is empty."""


class FileStore:
    """The records of uploaded files; their bytes are on the server's disk."""

    def __init__(self, store: KitStore, clock: Clock) -> None:
        """Use the open store; ``clock`` ends sessions."""
        self._writer = store.writer
        self._readers = store.readers
        self._clock = clock

    async def reserve(
        self, by: BySession, file: FileReservation, *, user_bytes: int, room_bytes: int, total_bytes: int
    ) -> None:
        """Count a file whose bytes are still to come; no one can find it.

        Raises RefusedError: NOT_FOUND (the owner is not in the room), ARCHIVED, FORBIDDEN (the other account
        of a direct room was deleted), LIMIT_REACHED (with it the owner's files would take more than
        ``user_bytes``, the room's more than ``room_bytes``, or all files more than ``total_bytes``).
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            _check_room(db, file.room, authority.user)
            # In the transaction: otherwise simultaneous uploads would exceed the quota together (TOCTOU).
            own, total = _used(db, file.owner)
            if own + file.size > user_bytes:
                raise RefusedError(ErrorCode.LIMIT_REACHED, "your files use all the space you have")
            if _in_room(db, file.room) + file.size > room_bytes:
                raise RefusedError(ErrorCode.LIMIT_REACHED, "the files of this room use all its space")
            if total + file.size > total_bytes:
                raise RefusedError(ErrorCode.LIMIT_REACHED, "the server has no space left for files")
            db.execute(
                "INSERT INTO files (file, room, owner, size, sha256, created, expires)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    file.id,
                    file.room,
                    plain(file.owner),
                    file.size,
                    _NO_DIGEST,
                    file.created,
                    file.expires,
                ),
            )
            _count(db, file.room, file.owner, file.size)

        await self._writer.submit(authorised(self._clock, by, write))

    async def put(self, by: BySession, file: FileRecord) -> None:
        """Store the record of a file whose bytes are on the disk, in the place of its reservation.

        Raises RefusedError: NOT_FOUND (also if the reservation was given up), ARCHIVED, FORBIDDEN.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            _check_room(db, file.room, authority.user)
            reserved = db.execute(
                "UPDATE files SET sha256 = ?, created = ?, expires = ?"
                " WHERE file = ? AND room = ? AND owner = ? AND size = ? AND sha256 = ? AND expires > ?",
                (
                    bytes(file.sha256),
                    file.created,
                    file.expires,
                    file.id,
                    file.room,
                    plain(file.owner),
                    file.size,
                    _NO_DIGEST,
                    file.created,
                ),
            )
            if reserved.rowcount != 1:
                raise RefusedError(ErrorCode.NOT_FOUND, "this upload took too long; send the file again")

        await self._writer.submit(authorised(self._clock, by, write))

    async def find(self, file: FileId, user: UserName, now: Millis) -> FileRecord | None:
        """Return a file that has not expired, of a room that the user is in."""
        return await self._readers.row(
            _record,
            f"SELECT {_COLUMNS} FROM files f JOIN members m ON m.room = f.room AND m.account = ?"  # noqa: S608 - columns of ours
            " WHERE f.file = ? AND f.sha256 != ? AND (f.expires IS NULL OR f.expires > ?)",
            plain(user),
            file,
            _NO_DIGEST,
            now,
        )

    async def used(self, user: UserName) -> tuple[int, int]:
        """Return how many bytes the user's files take, reserved ones too, and everyone's."""
        return await self._readers.run(lambda db: _used(db, user))

    async def count_bytes(self) -> Sequence[float]:
        """Return how much everyone's files take, as the only number of a row."""
        query = "SELECT coalesce(sum(bytes), 0) FROM file_usage WHERE owner = ''"
        return await self._readers.rows(float, query)

    async def of(self, owner: UserName, now: Millis) -> Sequence[FileId]:
        """Return the account's files that have not expired."""
        query = (
            "SELECT file FROM files WHERE owner = ? AND sha256 != ?"
            " AND (expires IS NULL OR expires > ?) ORDER BY file"
        )
        return await self._readers.rows(FileId, query, plain(owner), _NO_DIGEST, now)

    async def expired(self, now: Millis, *, limit: int) -> Sequence[FileId]:
        """Return files whose bytes must be removed: they expired, or their message was deleted.

        Reservations that were given up are among them.
        """
        query = "SELECT file FROM files WHERE expires <= ? ORDER BY expires LIMIT ?"
        return await self._readers.rows(FileId, query, now, limit)

    async def forget(self, files: Iterable[FileId]) -> None:
        """Delete the records and reservations of files whose bytes were removed."""
        gone = list(files)

        def write(db: WriteConnection) -> None:
            for file in gone:
                query = "DELETE FROM files WHERE file = ? RETURNING room, owner, size"
                for room, owner, size in db.execute(query, (file,)).fetchall():
                    _count(db, room, user_name(owner), -size)

        await self._writer.submit(write)


def find_file(db: Connection, file: FileId) -> FileRecord | None:
    """Return the record of a file, of any owner."""
    query = f"SELECT {_COLUMNS} FROM files f WHERE f.file = ? AND f.sha256 != ?"  # noqa: S608 - columns of ours
    row = db.execute(query, (file, _NO_DIGEST)).fetchone()
    return None if row is None else _record(*row)


def keep_file(db: Connection, file: FileId) -> None:
    """Remove a file's expiry, because a message refers to it."""
    db.execute("UPDATE files SET expires = NULL WHERE file = ?", (file,))


def end_file(db: Connection, file: FileId, at: Millis) -> None:
    """Let a file expire now, because its message was deleted."""
    db.execute("UPDATE files SET expires = ? WHERE file = ?", (at, file))


def end_files_of_room(db: Connection, room: RoomId, before: Millis, at: Millis) -> None:
    """Let files expire that were uploaded to a room before a time, named by a message or not."""
    query = "UPDATE files SET expires = ? WHERE room = ? AND created < ? AND (expires IS NULL OR expires > ?)"
    db.execute(query, (at, room, before, at))


def _in_room(db: Connection, room: RoomId) -> int:
    row = db.execute("SELECT bytes FROM room_file_usage WHERE room = ?", (room,)).fetchone()
    return 0 if row is None else int(row[0])


def _used(db: Connection, user: UserName) -> tuple[int, int]:
    query = "SELECT owner, bytes FROM file_usage WHERE owner IN (?, ?)"
    used: dict[str, int] = dict(db.execute(query, (plain(user), _EVERYONE)))
    return used.get(plain(user), 0), used.get(_EVERYONE, 0)


def _count(db: WriteConnection, room: RoomId, owner: UserName, size: int) -> None:
    """Add to what the files of owner, room and server take, in the transaction that changes them."""
    db.execute(
        "INSERT INTO room_file_usage (room, bytes) VALUES (?, ?)"
        " ON CONFLICT (room) DO UPDATE SET bytes = room_file_usage.bytes + excluded.bytes",
        (room, size),
    )
    db.executemany(
        "INSERT INTO file_usage (owner, bytes) VALUES (?, ?)"
        " ON CONFLICT (owner) DO UPDATE SET bytes = file_usage.bytes + excluded.bytes",
        [(plain(owner), size), (_EVERYONE, size)],
    )


def _check_room(db: Connection, room: RoomId, user: UserName) -> None:
    query = (
        "SELECT r.archived, p.deleted FROM members m JOIN rooms r ON r.room = m.room"
        " LEFT JOIN accounts p ON p.account = CASE WHEN r.low = m.account THEN r.high ELSE r.low END"
        " WHERE m.room = ? AND m.account = ?"
    )
    found = db.execute(query, (room, plain(user))).fetchone()
    if found is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
    if found[0]:
        raise RefusedError(ErrorCode.ARCHIVED, "this room is archived: nobody can write in it")
    if found[1] is not None:
        raise RefusedError(
            ErrorCode.FORBIDDEN, "their account was deleted: no one reads this direct room any more"
        )


def _record(
    file: FileId, room: RoomId, owner: str, size: int, sha256: bytes, created: Millis, expires: Millis | None
) -> FileRecord:
    return FileRecord(file, room, user_name(owner), size, Digest(sha256), created, expires)
