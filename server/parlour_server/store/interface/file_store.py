"""What is known of uploaded files, and what running servers must hear of, as the store keeps it."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from parlour_protocol.ids import FileId, Millis
from parlour_protocol.names import UserName
from parlour_server.store.types import FileRecord, JournalEntry


class Files(Protocol):
    """What is known of uploaded files; their bytes are on the server's disk, not here."""

    async def put(self, file: FileRecord, *, user_bytes: int, total_bytes: int) -> None:
        """Keep the record of a file whose bytes are on the disk.

        Raises RefusedError: NOT_FOUND (the owner is not in the room), LIMIT_REACHED (with it the owner's
        files would take more than ``user_bytes``, or all files more than ``total_bytes``).
        """
        ...

    async def find(self, file: FileId, user: UserName, now: Millis) -> FileRecord | None:
        """Return a file that has not expired, of a room that the user is in."""
        ...

    async def used(self, user: UserName) -> tuple[int, int]:
        """Return how many bytes the user's files take, and everyone's."""
        ...

    async def expired(self, now: Millis, *, limit: int) -> Sequence[FileId]:
        """Return files whose bytes must be removed: their time is over, or their message was deleted."""
        ...

    async def forget(self, files: Iterable[FileId]) -> None:
        """Drop the records of files whose bytes are gone."""
        ...


class Journal(Protocol):
    """What running servers must hear about: ended sessions, changed devices, events of another process.

    An event is in it in the transaction that appends it, whoever appends it; only a server, which tells by
    its bus, leaves its own out.

    The bus tells at once; the journal is the truth, polled. Entries older than an hour may be forgotten.
    """

    async def head(self) -> int:
        """Return the number of the newest entry, 0 for none."""
        ...

    async def since(self, number: int) -> Sequence[JournalEntry]:
        """Return the entries after this number, in order. Cheap when there are none."""
        ...
