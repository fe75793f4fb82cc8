"""The envelope inside an MLS application message (version 1): what was said, and the key log its sender saw.

Messages are named by the id of the request that sent them (it travels as MLS authenticated data), never by
the server's number: a server that moves numbers about cannot move a reply, an edit or a reaction to another
message. Sizes are hidden by MLS padding around it. The client writes and reads it; the server never.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from parlour_protocol.errors import MalformedFrameError
from parlour_protocol.frames.base import Part
from parlour_protocol.frames.bodies import MediaType
from parlour_protocol.frames.codec import strict_decoder
from parlour_protocol.frames.fields import FileName, MessageText, Reaction, encode_field
from parlour_protocol.frames.opaque import Digest, FileKey, Share
from parlour_protocol.ids import Count, FileIdField, RequestIdField
from parlour_protocol.limits import FILE_BYTES

MessageId = RequestIdField
"""A message, by the id of the request that sent it."""


class FileKeyed(Part, frozen=True):
    """An attachment: where its ciphertext lies, and what opens it. Its name and true size stand only here."""

    file: FileIdField
    key: FileKey
    sha256: Digest
    """Of the ciphertext."""
    name: FileName
    media_type: MediaType
    size: Annotated[int, Meta(ge=0, le=FILE_BYTES.value)]
    """Of the content, without padding."""


class Content(Part, frozen=True, tag_field="kind"):
    """What is said."""


class TextContent(Content, frozen=True, tag="text"):
    """A message."""

    text: MessageText
    reply_to: MessageId | None = None
    file: FileKeyed | None = None


class EditContent(Content, frozen=True, tag="edit"):
    """A new text for a message of the same author."""

    target: MessageId
    text: MessageText


class DeleteContent(Content, frozen=True, tag="delete"):
    """A message is taken back, by its author or a moderator."""

    target: MessageId


class ReactContent(Content, frozen=True, tag="react"):
    """A reaction is put (``on``) or taken back."""

    target: MessageId
    reaction: Reaction
    on: bool = True


class PinContent(Content, frozen=True, tag="pin"):
    """A message is pinned or taken off."""

    target: MessageId
    on: bool = True


class ReadContent(Content, frozen=True, tag="read"):
    """A read receipt: everything up to this message. Only sent where a person turned receipts on."""

    target: MessageId


class VerifyStep(StrEnum):
    """The steps of verifying with short words, in order."""

    START = "start"
    """``share`` is a commitment to the starter's public key."""
    ANSWER = "answer"
    """``share`` is the other one's public key."""
    REVEAL = "reveal"
    """``share`` is the starter's public key; now both sides show the words."""
    CONFIRM = "confirm"
    """The person said that the words are the same."""
    CANCEL = "cancel"


class VerifyContent(Content, frozen=True, tag="verify"):
    """One step of verifying each other with short words, in a direct room."""

    process: RequestIdField
    step: VerifyStep
    share: Share | None = None


class HistoryContent(Content, frozen=True, tag="history"):
    """A part of the archive for the account's own new device; only taken in the room of one's own devices."""

    file: FileKeyed
    part: Count
    parts: Count


AnyContent = (
    TextContent
    | EditContent
    | DeleteContent
    | ReactContent
    | PinContent
    | ReadContent
    | VerifyContent
    | HistoryContent
)


class KeyLogSeen(Part, frozen=True):
    """The key log as the sender's device saw it: entries, and the digest of the head."""

    size: Count
    digest: Digest


class Payload(Part, frozen=True):
    """Version 1 of the envelope."""

    content: AnyContent
    key_log: KeyLogSeen | None = None
    v: Literal[1] = 1


_encoder = msgspec.json.Encoder(enc_hook=encode_field)


def encode_sealed(payload: Payload) -> bytes:
    """Return the bytes to be protected."""
    return _encoder.encode(payload)


def decode_sealed(data: bytes) -> Payload:
    """Read what another device wrote, as strictly as a frame. Raises MalformedFrameError."""
    payload: Payload = strict_decoder(Payload)(data)
    return payload


__all__ = ["MalformedFrameError", "Payload", "Share", "decode_sealed", "encode_sealed"]
