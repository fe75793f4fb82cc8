"""What stands inside an encrypted message: one versioned envelope for everything that is said.

The server never sees any of it and cannot import this package; it cannot even tell a reaction from a text.
"""

from parlour_protocol.encrypted.links import Link, digest_of, folded
from parlour_protocol.encrypted.payload import (
    AnyContent,
    DeleteContent,
    EditContent,
    FileKeyed,
    HistoryContent,
    KeyLogSeen,
    Payload,
    PinContent,
    ReactContent,
    ReadContent,
    Share,
    TextContent,
    VerifyContent,
    VerifyStep,
    decode_sealed,
    encode_sealed,
)

__all__ = [
    "AnyContent",
    "DeleteContent",
    "EditContent",
    "FileKeyed",
    "HistoryContent",
    "KeyLogSeen",
    "Link",
    "Payload",
    "PinContent",
    "ReactContent",
    "ReadContent",
    "Share",
    "TextContent",
    "VerifyContent",
    "VerifyStep",
    "decode_sealed",
    "digest_of",
    "encode_sealed",
    "folded",
]
