"""The limits of every program that both sides must agree on, each with its name, its unit and its reason.

Limits that only one side enforces (rate limits, connection caps, deadlines) are in that side's
configuration. A limit of the protocol is the same everywhere. A program adds its own with ``Limit``.
"""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of the protocol.

    ``value`` is counted in ``unit``; ``reason`` is one sentence for the specification.
    """

    name: str
    value: int
    unit: str
    reason: str


REQUEST_FRAME = Limit(
    "request_frame",
    32 * KIB,
    "bytes",
    "a message of the largest size still fits when every character is written as a JSON escape of two bytes; "
    "CVE-2026-47073 and its like make larger ones a risk",
)
SERVER_FRAME = Limit(
    "server_frame",
    1024 * KIB,
    "bytes",
    "what a client accepts from its server in one frame: a page of history with room to spare",
)
PAGE_BYTES = Limit(
    "page_bytes", 256 * KIB, "bytes", "a page of history ends early rather than holding up a live connection"
)
PAGE_EVENTS = Limit("page_events", 200, "events", "one page fills several screens")
FRAME_DEPTH = Limit(
    "frame_depth", 6, "levels", "a page of events nests no deeper; deep nesting is an attack on parsers"
)
REASON_BYTES = Limit("reason_bytes", 256, "bytes of UTF-8", "one line in a system row")
NOTICE_BYTES = Limit("notice_bytes", 1024, "bytes of UTF-8", "what an operator tells everyone is short")
NOTICE_LINES = Limit("notice_lines", 10, "lines", "it must fit on a screen")
CURRENT_NOTICES = Limit("current_notices", 20, "notices", "that have not expired; each is sent to everyone")
IN_FLIGHT = Limit(
    "in_flight", 64, "requests", "requests sent and not yet answered; bounds what one connection can queue"
)
REQUEST_ID = Limit("request_id", 36, "characters", "a UUID in its long form")
PASSWORD_MIN = Limit(
    "password_min", 15, "code points", "NIST SP 800-63B-4 section 3.1.1.2: a password without a second factor"
)
PASSWORD_BYTES = Limit("password_bytes", 1024, "bytes of UTF-8", "argon2 must not be fed megabytes")
TICKET_SECONDS = Limit(
    "ticket_seconds", 30, "seconds", "a ticket is made to be used at once (OWASP ASVS 4.4.3, 6.5.5)"
)
HTTP_BODY = Limit(
    "http_body", 4 * KIB, "bytes", "a JSON body of the HTTPS API, unless its operation names another limit"
)

LIMITS: Final[tuple[Limit, ...]] = tuple(v for v in list(globals().values()) if isinstance(v, Limit))
