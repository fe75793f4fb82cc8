"""The frames of `parlour.v1`: frozen structs, strict in both directions.

``requests`` are sent by clients, ``replies`` by servers, ``bodies`` are the events of a room's log, ``codec``
encodes and decodes them. `protocol/README.md` is the specification.
"""

from parlour_protocol.frames.base import Frame
from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.codec import (
    decode_body,
    decode_request,
    decode_server_frame,
    encode,
    encode_body,
    request_id_of,
)
from parlour_protocol.frames.fields import MessageText, Reaction, ReasonText, TopicText, WireText
from parlour_protocol.frames.replies import AnyResult, AnyServerFrame, Error, Hello, LogEvent, Ok, RoomSummary
from parlour_protocol.frames.requests import AnyRequest

__all__ = [
    "AnyBody",
    "AnyRequest",
    "AnyResult",
    "AnyServerFrame",
    "Error",
    "Frame",
    "Hello",
    "LogEvent",
    "MessageText",
    "Ok",
    "Reaction",
    "ReasonText",
    "RoomSummary",
    "TopicText",
    "WireText",
    "decode_body",
    "decode_request",
    "decode_server_frame",
    "encode",
    "encode_body",
    "request_id_of",
]
