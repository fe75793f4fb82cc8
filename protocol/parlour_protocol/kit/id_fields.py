"""Identifiers, numbers and times as fields of a frame, with the patterns and bounds that decoding checks."""

from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta

from parlour_protocol.kit.ids import (
    DEVICE_ID_PATTERN,
    ID_PATTERN,
    MAX_INT,
    REQUEST_ID_PATTERN,
    SERVER_NAME_PATTERN,
    DeviceId,
    Incarnation,
    Millis,
    RequestId,
    Seq,
    SessionId,
)

IDENTIFIER: Final = {"identifier": True}
"""`Meta(pattern=…, extra=IDENTIFIER)` says that a field is an identifier, and not text of a person."""

SessionIdField = Annotated[SessionId, Meta(pattern=ID_PATTERN, extra=IDENTIFIER)]
RequestIdField = Annotated[RequestId, Meta(pattern=REQUEST_ID_PATTERN, extra=IDENTIFIER)]
DeviceIdField = Annotated[DeviceId, Meta(pattern=DEVICE_ID_PATTERN, extra=IDENTIFIER)]
IncarnationField = Annotated[Incarnation, Meta(pattern=ID_PATTERN, extra=IDENTIFIER)]
SeqField = Annotated[Seq, Meta(ge=1, le=MAX_INT)]
"""The number of an entry that is there."""
SeqOrZero = Annotated[Seq, Meta(ge=0, le=MAX_INT)]
"""The number of an entry, or 0 for before the first."""
MillisField = Annotated[Millis, Meta(ge=0, le=MAX_INT)]
"""A time in milliseconds since 1970."""
ServerNameField = Annotated[str, Meta(max_length=255, pattern=SERVER_NAME_PATTERN, extra=IDENTIFIER)]
"""A server's name: it is in certificates, proofs and the key log, and clients show it."""
Count = Annotated[int, Meta(ge=0, le=MAX_INT)]
"""How many there are."""


def is_identifier(metadata: Iterable[object]) -> bool:
    """Return whether a field with these annotations is an identifier."""
    return any(isinstance(meta, Meta) and (meta.extra or {}).get("identifier") for meta in metadata)
