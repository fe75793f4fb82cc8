"""Parts of the account's history that another device of ours has sent and that are not taken in yet.

A part is written here with the message that names it, since that message opens only once; it goes when what
is in its file was stored, or cannot be used. Functions over a connection; ``e2ee.history`` takes parts in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from parlour_protocol.ids import DeviceId, FileId, RoomId, Seq


@dataclass(frozen=True, slots=True)
class Part:
    """Where it was named, by which device as MLS verified it, and how its file is fetched and opened."""

    room: RoomId
    seq: Seq
    device: DeviceId
    file: FileId
    key: bytes
    sha256: bytes
    size: int


def keep(connection: apsw.Connection, part: Part) -> None:
    """Keep a part until it was taken in."""
    connection.execute(
        "INSERT OR IGNORE INTO history_parts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (part.room, part.seq, part.device, part.file, part.key, part.sha256, part.size),
    )


def waiting(connection: apsw.Connection) -> Sequence[Part]:
    """Return what is to be taken in, in the order in which it came."""
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
    """Forget a part, and the key of its file."""
    connection.execute("DELETE FROM history_parts WHERE room = ? AND seq = ?", (part.room, part.seq))
