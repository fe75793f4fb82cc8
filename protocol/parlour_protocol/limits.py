"""The chat's own limits, each with its name, its unit and its reason; those of every program are in the kit.

The specification's table of limits is generated from ``LIMITS``, which has both.
"""

from typing import Final

from parlour_protocol.kit import limits as kit
from parlour_protocol.kit.limits import KIB, Limit

MESSAGE_BYTES = Limit("message_bytes", 8 * KIB, "bytes of UTF-8", "longer texts are files")
MESSAGE_LINES = Limit("message_lines", 200, "lines", "a message must not be a screen flood")
TOPIC_BYTES = Limit("topic_bytes", 512, "bytes of UTF-8", "one line above the timeline")
REACTION_BYTES = Limit("reaction_bytes", 64, "bytes of UTF-8", "the longest RGI emoji takes 35 bytes")
REACTIONS_PER_MESSAGE = Limit(
    "reactions_per_message", 24, "distinct reactions", "a row of reactions must stay one row"
)
PINS_PER_ROOM = Limit("pins_per_room", 50, "messages", "what is pinned must stay a list that people read")
ROOMS_PER_USER = Limit("rooms_per_user", 200, "rooms", "the greeting lists all of them in one frame")
MEMBERS_PAGE = Limit("members_page", 500, "members", "one reply lists no more")
BANS_PAGE = Limit("bans_page", 100, "bans", "one reply lists no more")
DIRECTORY_PAGE = Limit("directory_page", 100, "rooms", "one reply lists no more")
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
WITNESSES = Limit("witnesses", 16, "witnesses", "more heads of the key log than a client needs to compare")
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
OPEN_REPORTS = Limit(
    "open_reports", 1000, "reports", "of all people, that the operator has not closed; then no more are taken"
)
REPORTS_OF_REPORTER = Limit(
    "reports_of_reporter", 20, "reports", "of one account, that the operator has not closed"
)
RETENTION_DAYS = Limit("retention_days", 36_500, "days", "longer is for ever")
FILE_NAME_BYTES = Limit("file_name_bytes", 255, "bytes of UTF-8", "what file systems allow")

LIMITS: Final[tuple[Limit, ...]] = (
    *kit.LIMITS,
    *(value for value in list(globals().values()) if isinstance(value, Limit)),
)
