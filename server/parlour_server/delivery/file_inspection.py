"""Inspection of files in open rooms: before one is kept, and again with the name that a message gives it.

All the text of a file is looked at before it is kept, and its beginning when a message names it. The files of
encrypted rooms are ciphertext, and are not.
"""

from dataclasses import dataclass

from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.inspect import File
from parlour_protocol.kit.inspect.file_texts import HEAD_BYTES
from parlour_protocol.kit.names import UserName
from parlour_server.delivery.blob_store import BlobStore
from parlour_server.kit.inspection.inspection import IncomingFile, Inspection
from parlour_server.kit.inspection.inspector_process import Sender


@dataclass(frozen=True, slots=True)
class FileInspection:
    """Gives files to the inspectors."""

    inspection: Inspection
    blobs: BlobStore

    def uploading(self, user: UserName, room: RoomId, size: int) -> IncomingFile:
        """Return what looks at a file of this size."""
        return IncomingFile(self.inspection, size, Sender(user, room))

    async def named(self, user: UserName, room: RoomId, ref: FileRef) -> None:
        """Look at a file that a message names. Raises RefusedError, UnavailableError."""
        head = await self.blobs.head(ref.file, HEAD_BYTES)
        if head:  # else the message is refused, because there is no such file
            await self.inspection.file(File(ref.size, head, ref.name, ref.media_type), Sender(user, room))
