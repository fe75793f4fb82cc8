"""Single values by name.

One of the settings is the profile with the session token, which is why none of this is outside of the
encrypted file. Functions over a connection.
"""

import apsw


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
