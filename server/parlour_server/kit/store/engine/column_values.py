"""Converts between values and database columns.

Stored values were validated before, so they are not validated again: newer Unicode tables must not make an
old name unreadable. Nothing else in the server creates names without validation.
"""

from parlour_protocol.kit.names import DeviceName, UserName


def user_name(raw: str) -> UserName:
    """Return a stored name as its type."""
    return str.__new__(UserName, raw)


def device_name(raw: str) -> DeviceName:
    """Return a stored name as its type."""
    return str.__new__(DeviceName, raw)


def plain(text: str) -> str:
    """Return ``text`` as a plain str: for other types sqlite3 slowly searches for an adapter."""
    return str(text)
