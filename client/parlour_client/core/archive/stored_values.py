"""Single values by name, and the draft of each room.

One of the settings is the profile with the session token, which is why none of this is outside of the
encrypted file. Functions over a connection.
"""

import apsw

from parlour_protocol.ids import RoomId


def setting(connection: apsw.Connection, name: str) -> str | None:
    """Return a setting."""
    return next(
        (str(v) for (v,) in connection.execute("SELECT value FROM settings WHERE name = ?", (name,))), None
    )


def set_setting(connection: apsw.Connection, name: str, value: str | None) -> None:
    """Write a setting, or remove it."""
    if value is None:
        connection.execute("DELETE FROM settings WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def draft(connection: apsw.Connection, room: RoomId) -> str:
    """Return a room's draft."""
    return next(
        (str(t) for (t,) in connection.execute("SELECT text FROM drafts WHERE room = ?", (room,))), ""
    )


def save_draft(connection: apsw.Connection, room: RoomId, text: str) -> None:
    """Store a room's draft; empty: delete it."""
    if text:
        connection.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", (room, text))
    else:
        connection.execute("DELETE FROM drafts WHERE room = ?", (room,))
