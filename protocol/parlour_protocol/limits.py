"""Every limit that both sides must agree on, each with its name, its unit and its reason.

Limits that only one side enforces (rate limits, connection caps, deadlines) are in that side's
configuration. A limit of the protocol is the same everywhere. The specification's table of limits is
generated from ``LIMITS``.
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
MESSAGE_BYTES = Limit("message_bytes", 8 * KIB, "bytes of UTF-8", "longer texts are files")
MESSAGE_LINES = Limit("message_lines", 200, "lines", "a message must not be a screen flood")
TOPIC_BYTES = Limit("topic_bytes", 512, "bytes of UTF-8", "one line above the timeline")
REASON_BYTES = Limit("reason_bytes", 256, "bytes of UTF-8", "one line in a system row")
REACTION_BYTES = Limit("reaction_bytes", 64, "bytes of UTF-8", "the longest RGI emoji takes 35 bytes")
REACTIONS_PER_MESSAGE = Limit(
    "reactions_per_message", 24, "distinct reactions", "a row of reactions must stay one row"
)
PINS_PER_ROOM = Limit("pins_per_room", 50, "messages", "what is pinned must stay a list that people read")
ROOMS_PER_USER = Limit("rooms_per_user", 200, "rooms", "the greeting lists all of them in one frame")
MEMBERS_PAGE = Limit("members_page", 500, "members", "one reply lists no more")
DIRECTORY_PAGE = Limit("directory_page", 100, "rooms", "one reply lists no more")
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
SEALED_BYTES = Limit(
    "sealed_bytes",
    22 * KIB,
    "bytes",
    "the largest message, padded and encrypted, still fits into a request as base64url",
)
HANDSHAKE_BYTES = Limit("handshake_bytes", 256 * KIB, "bytes", "a commit that adds 500 devices at once")
WELCOME_BYTES = Limit("welcome_bytes", 1024 * KIB, "bytes", "one Welcome for 500 devices")
TREE_BYTES = Limit("tree_bytes", 4096 * KIB, "bytes", "the ratchet tree of the largest group, with room")
KEY_PACKAGE_BYTES = Limit(
    "key_package_bytes", 4 * KIB, "bytes", "an honest one takes about 700, for a post-quantum room 3,100"
)
CERTIFICATE_BYTES = Limit("certificate_bytes", 1 * KIB, "bytes", "an honest one takes about 300")
KEY_PACKAGES = Limit(
    "key_packages", 50, "key packages", "single-use ones that the server keeps for one device"
)
KEY_PACKAGES_LOW = Limit(
    "key_packages_low", 20, "key packages", "below it the device is asked to upload more"
)
HYBRID_PACKAGES = Limit(
    "hybrid_packages",
    16,
    "key packages",
    "single-use ones for post-quantum rooms; each is five times as large",
)
HYBRID_PACKAGES_LOW = Limit(
    "hybrid_packages_low", 6, "key packages", "below it the device is asked to upload more"
)
HYBRID_DEVICES = Limit(
    "hybrid_devices",
    128,
    "devices",
    "of one post-quantum room: a commit at worst has 1.2 kB for each of them",
)
CLAIM_DEVICES = Limit("claim_devices", 64, "devices", "key packages claimed in one request")
GROUP_DEVICES = Limit(
    "group_devices", 500, "devices", "members' devices of one encrypted room; commits grow with them"
)
DEVICES_PER_USER = Limit("devices_per_user", 16, "devices", "that are not revoked")
STALE_SECONDS = Limit(
    "stale_seconds",
    30,
    "seconds",
    "a message encrypted in the previous epoch is still accepted, unless someone was removed",
)
KEY_LOG_PAGE = Limit("key_log_page", 500, "entries", "one answer holds no more")
HTTP_KEYS = Limit("http_keys", 320 * KIB, "bytes", "key packages of one device, or one handshake message")
HTTP_COMMIT = Limit("http_commit", 7200 * KIB, "bytes", "commit, Welcome and tree at their limits, as JSON")
FILE_BYTES = Limit("file_bytes", 25 * 1024 * KIB, "bytes", "one file, as it is uploaded")
INVITATION_DAYS = Limit(
    "invitation_days", 14, "days", "an invitation that no one answered ends; until then it is not repeated"
)
INVITATIONS_OF_INVITER = Limit(
    "invitations_of_inviter",
    50,
    "invitations",
    "unanswered ones of one account; a declined one counts until it ends, so that no one learns of it",
)
INVITATIONS_INTO_ROOM = Limit("invitations_into_room", 200, "invitations", "unanswered ones into one room")
INVITATIONS_FOR_PERSON = Limit(
    "invitations_for_person",
    100,
    "invitations",
    "that one person is shown; one more hides the oldest of the inviter who has most, and is never refused",
)
INVITATION_AGAIN_HOURS = Limit(
    "invitation_again_hours",
    24,
    "hours",
    "until someone whose invitation was withdrawn may be invited again",
)
INVITATIONS_PAGE = Limit("invitations_page", 50, "invitations", "one reply lists no more")
DIRECT_REQUESTS = Limit(
    "direct_requests",
    50,
    "rooms",
    "direct rooms that wait for one person's yes; a further one hides the oldest",
)
BLOCKED_PEOPLE = Limit("blocked_people", 1000, "people", "whom one account blocks")
BLOCKED_PAGE = Limit("blocked_page", 500, "people", "one reply lists no more")
STATEMENT_BYTES = Limit(
    "statement_bytes", 4 * KIB, "bytes", "what a device signs about the people of an encrypted room"
)
FILE_NAME_BYTES = Limit("file_name_bytes", 255, "bytes of UTF-8", "what file systems allow")

LIMITS: Final[tuple[Limit, ...]] = tuple(v for v in list(globals().values()) if isinstance(v, Limit))
