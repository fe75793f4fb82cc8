"""Identifiers, numbers and times as fields of a frame, with the patterns and bounds that decoding checks."""

from typing import Annotated, Final

from msgspec import Meta

from parlour_protocol.ids import (
    DEVICE_ID_PATTERN,
    GROUP_ID_PATTERN,
    ID_PATTERN,
    REQUEST_ID_PATTERN,
    SERVER_NAME_PATTERN,
    DeviceId,
    Epoch,
    FileId,
    GroupId,
    Incarnation,
    Millis,
    RequestId,
    RoomId,
    Seq,
    SessionId,
    WelcomeId,
)

_MAX_INT: Final = 2**53 - 1  # the largest integer that every JSON reader keeps exactly (RFC 8259 section 6)

RoomIdField = Annotated[RoomId, Meta(pattern=ID_PATTERN)]
SessionIdField = Annotated[SessionId, Meta(pattern=ID_PATTERN)]
RequestIdField = Annotated[RequestId, Meta(pattern=REQUEST_ID_PATTERN)]
DeviceIdField = Annotated[DeviceId, Meta(pattern=DEVICE_ID_PATTERN)]
GroupIdField = Annotated[GroupId, Meta(pattern=GROUP_ID_PATTERN)]
WelcomeIdField = Annotated[WelcomeId, Meta(pattern=ID_PATTERN)]
IncarnationField = Annotated[Incarnation, Meta(pattern=ID_PATTERN)]
FileIdField = Annotated[FileId, Meta(pattern=ID_PATTERN)]
EpochField = Annotated[Epoch, Meta(ge=0, le=_MAX_INT)]
SeqField = Annotated[Seq, Meta(ge=1, le=_MAX_INT)]
SeqOrZero = Annotated[Seq, Meta(ge=0, le=_MAX_INT)]
MillisField = Annotated[Millis, Meta(ge=0, le=_MAX_INT)]
ServerNameField = Annotated[str, Meta(max_length=255, pattern=SERVER_NAME_PATTERN)]
"""A server's name: it is in certificates, proofs and the key log, and clients show it."""
Count = Annotated[int, Meta(ge=0, le=_MAX_INT)]
