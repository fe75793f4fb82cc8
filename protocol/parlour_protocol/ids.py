"""Identifiers: room ids, request ids, sequence numbers, times; each a type of its own.

An identifier is parsed once, at the edge, so that a room id can never be used as a request id. Names that
people choose are in ``names``; identifiers are not secret.
"""

from typing import Final, NewType

from parlour_protocol.limits import REQUEST_ID

RoomId = NewType("RoomId", str)
"""A room: 22 characters of base64url (128 bits), created by the server and never reused."""

RequestId = NewType("RequestId", str)
"""A request of one account. The same id sent twice is the same request: it is stored once."""

SessionId = NewType("SessionId", str)
"""The public handle of a session (not its secret): 22 characters of base64url."""

ConnectionId = NewType("ConnectionId", str)
"""One WebSocket connection, for the audit log: 22 characters of base64url."""

DeviceId = NewType("DeviceId", str)
"""A device with keys: 26 characters of base32, the hash of its signature key (``identity``)."""

GroupId = NewType("GroupId", str)
"""An MLS group: 32 random bytes as 43 characters of base64url; a room may have several, one after another."""

WelcomeId = NewType("WelcomeId", str)
"""A Welcome that waits for a device: 22 characters of base64url."""

FileId = NewType("FileId", str)
"""An uploaded file: 22 characters of base64url, created by the server."""

Incarnation = NewType("Incarnation", str)
"""The incarnation of a server's logs: 22 characters of base64url; a restored backup gets a new one."""

Epoch = NewType("Epoch", int)
"""The number of a group's commits (RFC 9420 section 4.1)."""

Seq = NewType("Seq", int)
"""The number of an event in its room: 1, 2, 3, … without gaps."""

Millis = NewType("Millis", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""

ID_PATTERN: Final = r"\A[A-Za-z0-9_-]{22}\Z"
# \Z, not $: in Python's re, $ also matches before a trailing newline
REQUEST_ID_PATTERN: Final = rf"\A[A-Za-z0-9_-]{{16,{REQUEST_ID.value}}}\Z"
DEVICE_ID_PATTERN: Final = r"\A[a-z2-7]{26}\Z"
GROUP_ID_PATTERN: Final = r"\A[A-Za-z0-9_-]{43}\Z"
SERVER_NAME_PATTERN: Final = r"\A[A-Za-z0-9.:\[\]_-]+\Z"


def _random_id() -> str:
    """Return 128 random bits as 22 characters of base64url.

    None begins with `-`, which commands would take for an option.
    """
    while (made := _token(16)).startswith("-"):
        pass
    return made


def _token(size: int) -> str:
    import secrets  # noqa: PLC0415 - hashes and random numbers are for those who make ids, not for all who name one

    return secrets.token_urlsafe(size)


def new_room_id() -> RoomId:
    """Make a room id; only the server does."""
    return RoomId(_random_id())


def new_session_id() -> SessionId:
    """Make a session's public handle; only the server does."""
    return SessionId(_random_id())


def new_connection_id() -> ConnectionId:
    """Make a connection's name for the audit log."""
    return ConnectionId(_random_id())


def new_welcome_id() -> WelcomeId:
    """Make the id of a pending Welcome; only the server does."""
    return WelcomeId(_random_id())


def new_file_id() -> FileId:
    """Make a file's name; only the server does."""
    return FileId(_random_id())


def new_incarnation() -> Incarnation:
    """Make a new incarnation of a server's logs; only the server does."""
    return Incarnation(_random_id())


def new_group_id() -> GroupId:
    """Make the id of a new MLS group, on the device that creates it."""
    return GroupId(_token(32))


def new_request_id() -> RequestId:
    """Make a unique request id."""
    return RequestId(_random_id())
