"""The errors of the protocol package, and the codes that go over the wire.

The tree::

    ParlourProtocolError
    ├── MalformedFrameError    bytes that are not a frame: not JSON, not of the schema, too deep
    ├── OutOfOrderError        a frame that the state machine does not allow now
    ├── InvalidLinkError       an invite link that cannot be read
    └── WireTextError, NameRefusedError (text/errors.py, names/errors.py): also ValueErrors

    ProgramError               a program uses the kit in a way that is not safe; raised at its start

Errors on the wire are short codes: those of ``ErrorCode``, and a program's own. Further details stay in the
server's audit log.
"""

from enum import StrEnum
from typing import Self


class ParlourProtocolError(Exception):
    """Data from the other side, or typed by a person, breaks the protocol."""


class MalformedFrameError(ParlourProtocolError):
    """The bytes are not a frame of this protocol."""


class OutOfOrderError(ParlourProtocolError):
    """The frame is well-formed, but the state machine does not allow it now."""


class InvalidLinkError(ParlourProtocolError):
    """The text is not an invite link. ``sentence`` has ``fields`` to be filled, for who translates it."""

    def __init__(self, sentence: str, **fields: str) -> None:
        super().__init__(sentence.format(**fields))
        self.sentence, self.fields = sentence, fields


class ProgramError(Exception):
    """A program uses the kit in a way that is not safe; the text says where, and what to write instead."""


class ErrorCode(StrEnum):
    """Why a request was refused. A code never reveals that something exists that you may not see."""

    MALFORMED = "malformed"
    """The frame does not match the schema."""
    TOO_MANY_IN_FLIGHT = "too_many_in_flight"
    """More unanswered requests than the limit, or an id that is still in flight."""
    NOT_FOUND = "not_found"
    """No such thing, or none that you may see."""
    FORBIDDEN = "forbidden"
    """You may not do this."""
    NOT_NOW = "not_now"
    """It is not possible as things are: not your turn, already taken."""
    NAME_TAKEN = "name_taken"
    """The name, or one that looks like it, is taken."""
    ALREADY = "already"
    """Nothing to change."""
    RATE_LIMITED = "rate_limited"
    """Too fast; `retry_after` says when to try again, in milliseconds."""
    LIMIT_REACHED = "limit_reached"
    """A limit on a number of things is reached."""
    CONFLICT = "conflict"
    """The id was already used for another request."""
    CONTENT_REFUSED = "content_refused"
    """An inspector of the server found something that may not be sent; `hint` says what."""
    UNAVAILABLE = "unavailable"
    """The server is temporarily unable to (overloaded, disk full); nothing was stored."""


class CloseCode(int):
    """A WebSocket close code with its meaning."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Create the code; ``meaning`` is the close reason on the wire (at most 123 bytes, RFC 6455 5.5)."""
        self = super().__new__(cls, code)
        self.meaning = meaning
        return self


GOING_AWAY = CloseCode(1001, "server is going away")
PROTOCOL_ERROR = CloseCode(1002, "protocol error")
UNSUPPORTED_DATA = CloseCode(1003, "text frames only")
INVALID_DATA = CloseCode(1007, "invalid data")
POLICY_VIOLATION = CloseCode(1008, "policy violation")
TOO_BIG = CloseCode(1009, "too big")
INTERNAL_ERROR = CloseCode(1011, "internal error")
TRY_AGAIN = CloseCode(1013, "try again later")
SESSION_ENDED = CloseCode(4001, "session ended")
SESSION_EXPIRED = CloseCode(4002, "session expired")
TOO_MANY_ERRORS = CloseCode(4003, "too many errors")
TOO_FAST = CloseCode(4004, "too many messages")
TOO_SLOW = CloseCode(4005, "reading too slowly")
ACCOUNT_DISABLED = CloseCode(4006, "account disabled")
ACCOUNT_DELETED = CloseCode(4007, "account deleted")
