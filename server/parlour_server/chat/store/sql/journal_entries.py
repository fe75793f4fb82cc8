"""The chat's entries of the journal: what servers must notice even if every notification is lost.

Events of processes without a bus, changed devices, and, where several servers share the database, who entered
and left rooms, was invited, or answered. Their writes are alone, as every entry's must be.
"""

from typing import Final

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.chat.store.types import ConsentRecorded, DevicesChanged, RoomAdvanced
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.journal import add_entry

Entry = RoomAdvanced | DevicesChanged | ConsentRecorded

COLUMNS: Final = ("account", "log", "seq")
"""The columns of ``read_entry``."""


def note_consent(db: WriteConnection, at: Millis, room: RoomId, user: UserName) -> None:
    """Notify other servers, if there may be any, that someone accepted or declined a room."""
    if db.is_shared:
        add_entry(db, at, account=plain(user), log=room)


def note_devices_changed(db: Connection, at: Millis, user: UserName) -> None:
    """Notify servers that this account's key or active devices changed."""
    add_entry(db, at, account=plain(user))


def read_entry(account: str | None, room: RoomId | None, seq: Seq | None) -> Entry:
    """Return an entry from its ``COLUMNS``."""
    if room is not None and seq is not None:
        return RoomAdvanced(room, seq, None if account is None else user_name(account))
    if account is not None:
        user = user_name(account)
        return DevicesChanged(user) if room is None else ConsentRecorded(user, room)
    raise ValueError("a journal entry is of no session, room or account")
