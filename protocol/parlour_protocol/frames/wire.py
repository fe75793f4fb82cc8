"""The chat's frames on the wire, and the bodies of its logs as a store keeps them."""

from collections.abc import Callable
from typing import Any, Final, cast

from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.replies import AnyServerFrame
from parlour_protocol.frames.requests import AnyRequest
from parlour_protocol.kit.codec import encode, strict_decoder

SUBPROTOCOL: Final = "parlour.v1"
CHAT_PATH: Final = "/v1/chat"

_union: Final = cast("Callable[[object], Callable[[bytes | str], Any]]", strict_decoder)

decode_request: Final[Callable[[bytes], AnyRequest]] = _union(AnyRequest)
"""Read what a client sent. Raises MalformedFrameError."""

decode_server_frame: Final[Callable[[bytes], AnyServerFrame]] = _union(AnyServerFrame)
"""Read what a server sent. Raises MalformedFrameError."""

decode_body: Final[Callable[[bytes | str], AnyBody]] = _union(AnyBody)
"""Read a body that ``encode`` wrote. Raises MalformedFrameError."""


def encode_body(body: AnyBody) -> bytes:
    """Return the JSON text of an event's body, as a store keeps it."""
    return encode(body)
