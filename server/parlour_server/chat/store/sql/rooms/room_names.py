"""Names of rooms: taken or not, and changed."""

from typing import Final

from parlour_protocol.frames.bodies import Renamed
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName, skeleton
from parlour_protocol.room_name import RoomName
from parlour_server.core.errors import NameTakenError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection

# Only among rooms that the author can see: otherwise a refusal would reveal a private room (L15).
_TAKEN: Final = """
    SELECT 1 FROM rooms r WHERE (r.name = ?1 OR r.skeleton = ?2) AND r.room != ?4 AND (
        r.kind = 'public' OR EXISTS (SELECT 1 FROM members m WHERE m.room = r.room AND m.account = ?3)
    )
"""


def refuse_taken(db: Connection, name: RoomName, author: UserName, but: RoomId | None = None) -> None:
    """Raise NameTakenError if another room that the author can see has a name that looks the same."""
    values = (plain(name), skeleton(name), plain(author), but or "")
    if db.execute(_TAKEN, values).fetchone() is not None:
        raise NameTakenError("this name, or one that looks like it, is taken")


def rename(db: WriteConnection, event: LogEvent, body: Renamed) -> None:
    """Give a room its new name. Raises NameTakenError, and has changed nothing then."""
    refuse_taken(db, body.name, event.author, event.room)
    db.execute(
        "UPDATE rooms SET name = ?, skeleton = ? WHERE room = ?",
        (plain(body.name), skeleton(body.name), event.room),
    )
