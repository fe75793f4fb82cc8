"""The chat's frames on the wire, and the bodies of its logs as a store keeps them."""

from typing import Final, cast

from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.replies import AnyPush, AnyResult, AnyServerFrame, Error, Hello, Ok
from parlour_protocol.frames.requests import AnyRequest, Cost, QueryRequest
from parlour_protocol.kit.codec import encode, strict_decoder
from parlour_protocol.kit.unions import members
from parlour_protocol.kit.wire import Wire

WIRE: Final[Wire[AnyRequest, AnyServerFrame]] = Wire(
    "parlour.v1",
    path="/v1/chat",
    requests=AnyRequest,
    reads=tuple(kind for kind in members(QueryRequest) if kind.cost is Cost.READ),
    pushes=AnyPush,
    results=AnyResult,
    greeting=Hello,
    answers=(Ok, Error),
)
SUBPROTOCOL: Final = WIRE.subprotocol
CHAT_PATH: Final = WIRE.path

decode_request: Final = WIRE.decode_request
decode_server_frame: Final = WIRE.decode_server_frame
decode_body: Final = strict_decoder(cast("type[AnyBody]", AnyBody))
"""Read a body that ``encode_body`` wrote. Raises MalformedFrameError."""


def encode_body(body: AnyBody) -> bytes:
    """Return the JSON text of an event's body, as a store keeps it."""
    return encode(body)
