"""Records of files."""

from dataclasses import dataclass

from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class FileReservation:
    """The space of a file whose bytes are still coming. It is given up at ``expires``."""

    id: FileId
    room: RoomId
    owner: UserName
    size: int
    created: Millis
    expires: Millis


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that someone uploaded to a room. Its bytes are elsewhere; ``expires`` None: never."""

    id: FileId
    room: RoomId
    owner: UserName
    size: int
    sha256: Digest
    created: Millis
    expires: Millis | None = None
