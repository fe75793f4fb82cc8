"""The chat's entries of the journal: events of processes without a bus, and changed devices."""

from typing import Final

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.kit.store.engine.column_values import plain, user_name
from parlour_server.kit.store.engine.connection import Connection
from parlour_server.kit.store.engine.journal import add_entry
from parlour_server.store.types import DevicesChanged, RoomAdvanced

COLUMNS: Final = ("account", "room", "seq")
"""The columns of ``read_entry``."""


def note_room_advanced(db: Connection, at: Millis, room: RoomId, seq: Seq) -> None:
    """Notify servers to read this room up to ``seq``."""
    add_entry(db, at, room=room, seq=seq)


def note_devices_changed(db: Connection, at: Millis, user: UserName) -> None:
    """Notify servers that this account's key or active devices changed."""
    add_entry(db, at, account=plain(user))


def read_entry(account: str | None, room: RoomId | None, seq: Seq | None) -> RoomAdvanced | DevicesChanged:
    """Return an entry from its ``COLUMNS``."""
    if room is not None and seq is not None:
        return RoomAdvanced(room, seq)
    if account is not None:
        return DevicesChanged(user_name(account))
    raise ValueError("a journal entry is of no session, room or account")
