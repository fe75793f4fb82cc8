"""Notifications as bytes between servers, which may be of different versions.

A line with the type's word, the publisher and a number, then JSON. What cannot be read is refused: the
receiver drops it, and finds by other means what it told.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from parlour_protocol.kit.fields import decode_field, encode_field
from parlour_server.core.bus.bus import NoticeType

MOST_BYTES: Final = 1_000_000
"""Of one notification: NATS takes 1 MiB."""

_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field)


class UnreadableNoticeError(ValueError):
    """The bytes are no notification of a known type. The text quotes none of the content."""


class NoticeCodec:
    """Writes and reads the registered types."""

    def __init__(self, types: Iterable[NoticeType[Any]]) -> None:
        """Raise ValueError if a type or a word is there twice."""
        types = tuple(types)
        self._types = {kind.kind: kind for kind in types}
        self._readers = {
            kind.word.encode(): msgspec.json.Decoder(kind.kind, dec_hook=decode_field) for kind in types
        }
        if len(self._types) < len(types) or len(self._readers) < len(types):
            raise ValueError("a type of notification, or its word, is registered twice")

    def subjects(self, notice: object) -> tuple[str, ...]:
        """Return the subjects of a notification. Raises ValueError for an unregistered type."""
        return tuple(dict.fromkeys(self._type_of(notice).subjects(notice)))

    def encode(self, notice: object, stamp: bytes) -> bytes:
        """Return the bytes of a notification. ``stamp``: its publisher and number, without line breaks.

        Raises ValueError for an unregistered type, and for one that is too large.
        """
        data = b"%b %b\n%b" % (self._type_of(notice).word.encode(), stamp, _encoder.encode(notice))
        if len(data) > MOST_BYTES:
            raise ValueError(f"a {type(notice).__name__} of {len(data)} bytes is too large for the bus")
        return data

    def decode(self, data: bytes) -> tuple[bytes, object]:
        """Return a stamp and a notification. Raises UnreadableNoticeError."""
        if len(data) > MOST_BYTES:
            raise UnreadableNoticeError("too large")
        head, _, body = data.partition(b"\n")
        word, _, stamp = head.partition(b" ")
        reader = self._readers.get(word)
        if reader is None or not stamp:
            raise UnreadableNoticeError("of an unknown type")
        try:
            return stamp, reader.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UnreadableNoticeError(f"not a {word.decode()} of this version") from error

    def _type_of(self, notice: object) -> NoticeType[Any]:
        found = self._types.get(type(notice))
        if found is None:
            raise ValueError(f"{type(notice).__name__} is not registered as a NoticeType")
        return found
