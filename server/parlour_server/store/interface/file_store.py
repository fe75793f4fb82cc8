"""The interface for the records of uploaded files."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from parlour_protocol.ids import FileId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.kit.store.accounts.authority import BySession
from parlour_server.store.types import FileRecord, FileReservation


class Files(Protocol):
    """The records of uploaded files; their bytes are on the server's disk."""

    async def reserve(
        self, by: BySession, file: FileReservation, *, user_bytes: int, room_bytes: int, total_bytes: int
    ) -> None:
        """Count a file whose bytes are still to come; no one can find it.

        Raises RefusedError: NOT_FOUND (the owner is not in the room), ARCHIVED, FORBIDDEN (the other account
        of a direct room was deleted), LIMIT_REACHED (with it the owner's files would take more than
        ``user_bytes``, the room's more than ``room_bytes``, or all files more than ``total_bytes``).
        """
        ...

    async def put(self, by: BySession, file: FileRecord) -> None:
        """Store the record of a file whose bytes are on the disk, in the place of its reservation.

        Raises RefusedError: NOT_FOUND (also if the reservation was given up), ARCHIVED, FORBIDDEN.
        """
        ...

    async def find(self, file: FileId, user: UserName, now: Millis) -> FileRecord | None:
        """Return a file that has not expired, of a room that the user is in."""
        ...

    async def used(self, user: UserName) -> tuple[int, int]:
        """Return how many bytes the user's files take, reserved ones too, and everyone's."""
        ...

    async def expired(self, now: Millis, *, limit: int) -> Sequence[FileId]:
        """Return files whose bytes must be removed: they expired, or their message was deleted.

        Reservations that were given up are among them.
        """
        ...

    async def forget(self, files: Iterable[FileId]) -> None:
        """Delete the records and reservations of files whose bytes were removed."""
        ...
