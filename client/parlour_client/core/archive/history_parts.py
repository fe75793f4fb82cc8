"""Parts of the account's history that another device of ours has sent and that are not imported yet.

A part is stored here with the message that names it, since that message can be decrypted only once; it is
deleted when its file was imported, or cannot be used. Functions over a connection;
``e2ee.messages.history`` imports parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.ids import DeviceId, Seq


@dataclass(frozen=True, slots=True)
class Part:
    """The place of its message, the device that MLS verified, and how its file is fetched and decrypted."""

    room: RoomId
    seq: Seq
    device: DeviceId
    file: FileId
    key: bytes
    sha256: bytes
    size: int


def keep(connection: apsw.Connection, part: Part) -> None:
    """Store a part until it is imported."""
    connection.execute(
        "INSERT OR IGNORE INTO history_parts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (part.room, part.seq, part.device, part.file, part.key, part.sha256, part.size),
    )


def waiting(connection: apsw.Connection) -> Sequence[Part]:
    """Return the parts to import, in order of arrival."""
    query = "SELECT room, seq, device, file, key, sha256, size FROM history_parts ORDER BY room, seq"
    return [
        Part(
            RoomId(str(room)),
            Seq(int(str(seq))),
            DeviceId(str(device)),
            FileId(str(file)),
            bytes(key),
            bytes(sha256),
            int(str(size)),
        )
        for room, seq, device, file, key, sha256, size in connection.execute(query)
    ]


def drop(connection: apsw.Connection, part: Part) -> None:
    """Delete a part, and the key of its file."""
    connection.execute("DELETE FROM history_parts WHERE room = ? AND seq = ?", (part.room, part.seq))
