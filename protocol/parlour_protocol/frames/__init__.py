"""The frames of `parlour.v1`: frozen structs, strict in both directions.

``requests`` are sent by clients, ``replies`` by servers, ``bodies`` are the events of a room's log, ``wire``
decodes them. `protocol/README.md` is the specification.
"""

from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.fields import MessageText, Reaction, TopicText
from parlour_protocol.frames.replies import AnyResult, AnyServerFrame, Error, Hello, LogEvent, Ok, RoomSummary
from parlour_protocol.frames.requests import AnyRequest
from parlour_protocol.frames.wire import decode_body, decode_request, decode_server_frame, encode_body
from parlour_protocol.kit.codec import encode

__all__ = [
    "AnyBody",
    "AnyRequest",
    "AnyResult",
    "AnyServerFrame",
    "Error",
    "Hello",
    "LogEvent",
    "MessageText",
    "Ok",
    "Reaction",
    "RoomSummary",
    "TopicText",
    "decode_body",
    "decode_request",
    "decode_server_frame",
    "encode",
    "encode_body",
]
