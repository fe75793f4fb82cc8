"""Texts about any room: how it is encrypted, what was tested, what the server sees.

They promise what `docs/explanation/encryption.md` does and no more.
"""

from typing import Final

from parlour_client.kit.language import N_
from parlour_protocol.rooms import RoomSuite

OPEN: Final = N_("Not encrypted: the server can read this room")
CHECKED: Final = "2026-11-25"
"""The day on which the engine last passed the vectors, and the tests with another implementation."""
ASSURANCE: Final = N_(
    "Not independently audited; passes the IETF test vectors of RFC 9420 (suite 3, "
    "{checked}) and interoperates with ts-mls 1.6.4."
)
KEYS: Final = {
    RoomSuite.X25519: (
        N_(
            "Its keys are made with X25519. Anyone who records this room now could read it later "
            "with a large quantum computer."
        )
    ),
    RoomSuite.X_WING: (
        N_(
            "Its keys are post-quantum: made with X-Wing, which is ML-KEM-768 and X25519 together. A "
            "future quantum computer can't decrypt what is recorded now, as long as ML-KEM holds; "
            "signatures are not post-quantum. Experimental: it follows a draft, and was not tested "
            "with another implementation."
        )
    ),
}
"""The strength of a room's cipher suite."""
SUITE_NAMES: Final = {
    RoomSuite.X25519: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
    RoomSuite.X_WING: "MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA256_Ed25519",
}
SERVER_SEES: Final = (
    N_("The server sees who is in this room, with which devices, and which of them are online."),
    N_(
        "It sees who sends when and from where, how long a message is (rounded up), and how "
        "often keys change."
    ),
    N_("It sees who fetches whose key packages, and so who is about to talk to whom."),
    N_(
        "It sees the name and topic of the room, roles, how far you have read, the sizes of "
        "files (rounded up)."
    ),
    N_(
        "It does not see texts, edits, reactions, pins, replies, receipts, or the names and "
        "contents of files."
    ),
    N_("It can withhold or delay messages. It can offer false keys: comparing safety numbers reveals that."),
)
SERVER_SEES_OPEN: Final = (N_("The server sees everything that is written here."),)
