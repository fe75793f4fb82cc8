"""Converts between values and database columns.

Stored values were validated before, so they are not validated again: newer Unicode tables must not make an
old name or text unreadable. Nothing else in the server creates them without validation.
"""

import base64
from typing import Final, cast

import msgspec

from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.opaque import Opaque

UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""The errors of decoding stored bytes that are damaged."""
NO_LIMIT: Final = 1 << 40
"""The LIMIT of a query with an OFFSET alone."""


def as_stored(kind: type, value: str) -> object:
    """Return a field of a stored JSON document as its type (msgspec's ``dec_hook``)."""
    if issubclass(kind, Opaque):
        return kind(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    made: str = str.__new__(cast("type[str]", kind), value)
    return made


def user_name(raw: str) -> UserName:
    """Return a stored name as its type."""
    return str.__new__(UserName, raw)


def device_name(raw: str) -> DeviceName:
    """Return a stored name as its type."""
    return str.__new__(DeviceName, raw)


plain: Final = str
"""Makes a plain str of a name or a text: for other types sqlite3 slowly searches for an adapter."""
