"""The interface for the records of uploaded files."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.store.types import FileRecord


class Files(Protocol):
    """The records of uploaded files; their bytes are on the server's disk."""

    async def put(self, file: FileRecord, *, user_bytes: int, room_bytes: int, total_bytes: int) -> None:
        """Store the record of a file whose bytes are on the disk.

        Raises RefusedError: NOT_FOUND (the owner is not in the room), ARCHIVED, FORBIDDEN (the other account
        of a direct room was deleted), LIMIT_REACHED (with it the owner's files would take more than
        ``user_bytes``, the room's more than ``room_bytes``, or all files more than ``total_bytes``).
        """
        ...

    async def find(self, file: FileId, user: UserName, now: Millis) -> FileRecord | None:
        """Return a file that has not expired, of a room that the user is in."""
        ...

    async def in_room(self, room: RoomId) -> int:
        """Return how many bytes the room's files take."""
        ...

    async def used(self, user: UserName) -> tuple[int, int]:
        """Return how many bytes the user's files take, and everyone's."""
        ...

    async def expired(self, now: Millis, *, limit: int) -> Sequence[FileId]:
        """Return files whose bytes must be removed: they expired, or their message was deleted."""
        ...

    async def forget(self, files: Iterable[FileId]) -> None:
        """Delete the records of files whose bytes were removed."""
        ...
