"""The envelope inside an MLS application message: its content, and the log state that its sender had seen.

That is the key log, and the messages before this one (``links``).

Messages are named by the id of the request that sent them (it travels as MLS authenticated data), never by
the server's number: a server that moves numbers about cannot move a reply, an edit or a reaction to another
message. Sizes are hidden by MLS padding around it. The client writes and reads it; the server never.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from parlour_protocol.encrypted.links import Link
from parlour_protocol.frames.bodies import MediaType
from parlour_protocol.frames.fields import FileName, MessageText, Reaction
from parlour_protocol.frames.opaque import Digest, FileKey, Share
from parlour_protocol.id_fields import FileIdField
from parlour_protocol.kit.codec import strict_decoder
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.fields import encode_field
from parlour_protocol.kit.frames import Part
from parlour_protocol.kit.id_fields import Count, RequestIdField, SeqField
from parlour_protocol.kit.unions import check_union
from parlour_protocol.limits import FILE_BYTES, STATEMENT_BYTES

CONSENT_PER_MESSAGE: Final = 4
"""The most statements about members that a message carries; the next one carries others."""
CONSENT_BYTES: Final = 2_048
"""The most bytes that they take together: then the longest message still has room for them."""
MessageId = RequestIdField
"""A message, by the id of the request that sent it."""


class EncryptedFile(Part, frozen=True):
    """An attachment: where its ciphertext is, and its key. Its name and true size are only here."""

    file: FileIdField
    key: FileKey
    sha256: Digest
    """Of the ciphertext."""
    name: FileName
    media_type: MediaType
    size: Annotated[int, Meta(ge=0, le=FILE_BYTES.value)]
    """Of the content, without padding."""


class Content(Part, frozen=True, tag_field="kind"):
    """One kind of content."""


class TextContent(Content, frozen=True, tag="text"):
    """A message."""

    text: MessageText
    reply_to: MessageId | None = None
    file: EncryptedFile | None = None


class EditContent(Content, frozen=True, tag="edit"):
    """New text for a message by the same author."""

    target: MessageId
    text: MessageText


class DeleteContent(Content, frozen=True, tag="delete"):
    """A message is deleted, by its author or a moderator."""

    target: MessageId


class ReactContent(Content, frozen=True, tag="react"):
    """A reaction is added (``on``) or removed."""

    target: MessageId
    reaction: Reaction
    on: bool = True


class PinContent(Content, frozen=True, tag="pin"):
    """A message is pinned or unpinned."""

    target: MessageId
    on: bool = True


class ReadContent(Content, frozen=True, tag="read"):
    """A read receipt: everything up to this message. Only sent if the person turned receipts on."""

    target: MessageId


class VerifyStep(StrEnum):
    """The steps of SAS verification, in order."""

    START = "start"
    """``share`` is a commitment to the starter's public key."""
    ANSWER = "answer"
    """``share`` is the other one's public key."""
    REVEAL = "reveal"
    """``share`` is the starter's public key; both sides now show the words."""
    CONFIRM = "confirm"
    """The person confirmed that the words are the same."""
    CANCEL = "cancel"


class VerifyContent(Content, frozen=True, tag="verify"):
    """One step of SAS verification, in a direct room."""

    process: RequestIdField
    step: VerifyStep
    share: Share | None = None


class HistoryContent(Content, frozen=True, tag="history"):
    """A part of the archive for the account's new device; accepted only in the room of one's devices."""

    file: EncryptedFile
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


check_union(Content, AnyContent, "AnyContent")


class KeyLogSeen(Part, frozen=True):
    """The head of the key log that the sender's device saw: how many entries, and the root of their tree."""

    size: Count
    root: Digest


class Consent(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A withdrawal, removal or ban that the sender knows and that its roster of the room lacks."""

    number: SeqField | None
    """Its event in the room's log, as the sender's device saw it; None if it learnt of it in another way."""
    statement: Annotated[bytes, Meta(min_length=1, max_length=STATEMENT_BYTES.value)]


class Payload(msgspec.Struct, frozen=True):
    """The contents of the envelope."""

    content: AnyContent
    link: Link
    key_log: KeyLogSeen | None = None
    consent: tuple[Consent, ...] = ()
    """At most `CONSENT_PER_MESSAGE`, of `CONSENT_BYTES` together."""


class _Version2(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Binary around the content, so that a typical message stays in the first padding step."""

    v: Literal[2]
    link: Link
    key_log: tuple[Count, Annotated[bytes, Meta(min_length=32, max_length=32)]] | None
    content: bytes
    consent: Annotated[tuple[Consent, ...], Meta(min_length=1, max_length=CONSENT_PER_MESSAGE)] = ()


_json = msgspec.json.Encoder(enc_hook=encode_field)
_binary = msgspec.msgpack.Encoder()
_version2 = msgspec.msgpack.Decoder(_Version2)


def encode_message_payload(payload: Payload) -> bytes:
    """Return the bytes to be protected."""
    seen = payload.key_log
    key_log = None if seen is None else (seen.size, bytes(seen.root))
    fields = [2, payload.link.fields(), key_log, _json.encode(payload.content)]
    return _binary.encode([*fields, payload.consent] if payload.consent else fields)


def decode_message_payload(data: bytes) -> Payload:
    """Read another device's payload, as strictly as a frame. Raises MalformedFrameError."""
    try:
        read = _version2.decode(data)
        read.link.check()
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedFrameError(f"not an envelope of a known version: {error}") from error
    content: AnyContent = strict_decoder(AnyContent)(read.content)
    seen = None if read.key_log is None else KeyLogSeen(size=read.key_log[0], root=Digest(read.key_log[1]))
    return Payload(content, read.link, seen, read.consent)


__all__ = ["MalformedFrameError", "Payload", "Share", "decode_message_payload", "encode_message_payload"]
