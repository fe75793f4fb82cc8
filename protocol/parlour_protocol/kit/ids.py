"""Identifiers: request ids, session ids, sequence numbers, times; each a type of its own.

An identifier is parsed once, at the edge, so that a session id can never be used as a request id. Names that
people choose are in ``names``; identifiers are not secret.
"""

from typing import Final, NewType

from parlour_protocol.kit.limits import REQUEST_ID

RequestId = NewType("RequestId", str)
"""A request of one account. The same id sent twice is the same request: it is stored once."""

SessionId = NewType("SessionId", str)
"""The public handle of a session (not its secret): 22 characters of base64url."""

ConnectionId = NewType("ConnectionId", str)
"""One WebSocket connection, for the audit log: 22 characters of base64url."""

DeviceId = NewType("DeviceId", str)
"""A device with keys: 26 characters of base32, the hash of its signature key (``identity``)."""

Incarnation = NewType("Incarnation", str)
"""The incarnation of a server's logs: 22 characters of base64url; a restored backup gets a new one."""

Seq = NewType("Seq", int)
"""The number of an entry in its log: 1, 2, 3, … without gaps."""

Millis = NewType("Millis", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""

MAX_INT: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259 section 6)."""

ID_PATTERN: Final = r"\A[A-Za-z0-9_-]{22}\Z"
# \Z, not $: in Python's re, $ also matches before a trailing newline
REQUEST_ID_PATTERN: Final = rf"\A[A-Za-z0-9_-]{{16,{REQUEST_ID.value}}}\Z"
DEVICE_ID_PATTERN: Final = r"\A[a-z2-7]{26}\Z"
SERVER_NAME_PATTERN: Final = r"\A[A-Za-z0-9.:\[\]_-]+\Z"


def random_id(size: int = 16) -> str:
    """Return ``size`` random bytes as base64url: 22 characters for 16 bytes.

    None begins with `-`, which commands would take for an option.
    """
    import secrets  # noqa: PLC0415 - hashes and random numbers are for those who make ids, not for all who name one

    while (made := secrets.token_urlsafe(size)).startswith("-"):
        pass
    return made


def new_session_id() -> SessionId:
    """Make a session's public handle; only the server does."""
    return SessionId(random_id())


def new_connection_id() -> ConnectionId:
    """Make a connection's name for the audit log."""
    return ConnectionId(random_id())


def new_incarnation() -> Incarnation:
    """Make a new incarnation of a server's logs; only the server does."""
    return Incarnation(random_id())


def new_request_id() -> RequestId:
    """Make a unique request id."""
    return RequestId(random_id())
