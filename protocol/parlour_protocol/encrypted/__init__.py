"""The plaintext of an encrypted message: one versioned envelope for every kind of content.

The server never sees it and cannot import this package; it can't even distinguish a reaction from a text.
"""

from parlour_protocol.encrypted.links import Link, folded, message_digest
from parlour_protocol.encrypted.payload import (
    CONSENT_BYTES,
    CONSENT_PER_MESSAGE,
    AnyContent,
    Consent,
    DeleteContent,
    EditContent,
    EncryptedFile,
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
    decode_message_payload,
    encode_message_payload,
)

__all__ = [
    "CONSENT_BYTES",
    "CONSENT_PER_MESSAGE",
    "AnyContent",
    "Consent",
    "DeleteContent",
    "EditContent",
    "EncryptedFile",
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
    "decode_message_payload",
    "encode_message_payload",
    "folded",
    "message_digest",
]
