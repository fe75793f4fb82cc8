"""Identifiers: room ids, request ids, sequence numbers, times; each a type of its own.

An identifier is made once, at the edge, and carried as its type from there on, so that a room id can
never stand where a request id belongs. Nothing here is a name that people choose (``names``) and
nothing here is secret. Both sides call the ``new_…`` functions.
"""

import secrets
from typing import Annotated, Final, NewType

from msgspec import Meta

from parlour_protocol.limits import REQUEST_ID

RoomId = NewType("RoomId", str)
"""A room, for ever: 22 characters of base64url (128 bits), made by the server and never reused."""

RequestId = NewType("RequestId", str)
"""A request of one account. The same id sent twice is the same request: it is stored once."""

SessionId = NewType("SessionId", str)
"""The public handle of a session (not its secret): 22 characters of base64url."""

ConnectionId = NewType("ConnectionId", str)
"""One WebSocket connection, for the audit log: 22 characters of base64url."""

Seq = NewType("Seq", int)
"""The number of an event in its room: 1, 2, 3, … without a hole."""

Millis = NewType("Millis", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""

ID_PATTERN: Final = r"\A[A-Za-z0-9_-]{22}\Z"
# \Z, not $: in Python's re, $ also matches before a trailing newline
REQUEST_ID_PATTERN: Final = rf"\A[A-Za-z0-9_-]{{16,{REQUEST_ID.value}}}\Z"
_MAX_INT: Final = 2**53 - 1  # the largest integer that every JSON reader keeps exactly (RFC 8259 section 6)

RoomIdField = Annotated[RoomId, Meta(pattern=ID_PATTERN)]
SessionIdField = Annotated[SessionId, Meta(pattern=ID_PATTERN)]
RequestIdField = Annotated[RequestId, Meta(pattern=REQUEST_ID_PATTERN)]
SeqField = Annotated[Seq, Meta(ge=1, le=_MAX_INT)]
SeqOrZero = Annotated[Seq, Meta(ge=0, le=_MAX_INT)]
MillisField = Annotated[Millis, Meta(ge=0, le=_MAX_INT)]
Count = Annotated[int, Meta(ge=0, le=_MAX_INT)]


def _random_id() -> str:
    """Return 128 random bits as 22 characters of base64url.

    None begins with `-`: people give ids to commands, which would take such a one for an option.
    """
    while (made := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return made


def new_room_id() -> RoomId:
    """Make a room id; only the server does."""
    return RoomId(_random_id())


def new_session_id() -> SessionId:
    """Make a session's public handle; only the server does."""
    return SessionId(_random_id())


def new_connection_id() -> ConnectionId:
    """Make a connection's name for the audit log."""
    return ConnectionId(_random_id())


def new_request_id() -> RequestId:
    """Make a request id that no other request of any account will have."""
    return RequestId(_random_id())
