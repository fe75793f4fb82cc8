"""The numbers of RFC 9420 section 17 that this engine knows, and GREASE (section 13.5).

Only registries live here: enumerations that are closed on the wire, and plain integers for those that are
open. Unknown values of the open ones are carried along and ignored, as section 13.4 asks.
"""

from enum import IntEnum
from typing import Final


class WireFormat(IntEnum):
    """Section 17.2."""

    PUBLIC_MESSAGE = 1
    PRIVATE_MESSAGE = 2
    WELCOME = 3
    GROUP_INFO = 4
    KEY_PACKAGE = 5


class ContentType(IntEnum):
    """Section 6."""

    APPLICATION = 1
    PROPOSAL = 2
    COMMIT = 3


class SenderType(IntEnum):
    """Section 6."""

    MEMBER = 1
    EXTERNAL = 2
    NEW_MEMBER_PROPOSAL = 3
    NEW_MEMBER_COMMIT = 4


class LeafNodeSource(IntEnum):
    """Section 7.2."""

    KEY_PACKAGE = 1
    UPDATE = 2
    COMMIT = 3


class ProposalType(IntEnum):
    """Section 17.4; all of them are "default", so no one lists them."""

    ADD = 1
    UPDATE = 2
    REMOVE = 3
    PSK = 4
    REINIT = 5
    EXTERNAL_INIT = 6
    GROUP_CONTEXT_EXTENSIONS = 7


class ResumptionUsage(IntEnum):
    """Section 8.4."""

    APPLICATION = 1
    REINIT = 2
    BRANCH = 3


X25519_SUITE: Final = 0x0003
"""MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 (section 17.1)."""
XWING_SUITE: Final = 0xF003
"""The same with X-Wing for X25519: a number for private use, because none is registered."""

BASIC_CREDENTIAL: Final = 1

APPLICATION_ID: Final = 1
RATCHET_TREE: Final = 2
REQUIRED_CAPABILITIES: Final = 3
EXTERNAL_PUB: Final = 4
EXTERNAL_SENDERS: Final = 5
LAST_RESORT: Final = 0x000A
"""Marks a key package that may be used more than once (the last_resort_key_package extension)."""

DEFAULT_EXTENSIONS: Final = frozenset(
    {APPLICATION_ID, RATCHET_TREE, REQUIRED_CAPABILITIES, EXTERNAL_PUB, EXTERNAL_SENDERS}
)
DEFAULT_PROPOSALS: Final = frozenset(int(kind) for kind in ProposalType)
GREASE: Final = frozenset(0x0A0A + 0x1010 * n for n in range(15))

PATH_REQUIRED: Final = frozenset(
    {
        ProposalType.UPDATE,
        ProposalType.REMOVE,
        ProposalType.EXTERNAL_INIT,
        ProposalType.GROUP_CONTEXT_EXTENSIONS,
    }
)
"""Proposals whose commit must carry an update path (section 12.4)."""
EXTERNAL_ALLOWED: Final = frozenset(
    {
        ProposalType.ADD,
        ProposalType.REMOVE,
        ProposalType.PSK,
        ProposalType.REINIT,
        ProposalType.GROUP_CONTEXT_EXTENSIONS,
    }
)
"""Proposals that an external sender may make (section 12.1.8)."""
