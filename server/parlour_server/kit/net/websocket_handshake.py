"""The WebSocket handshake, checked by websockets' sans-I/O protocol.

It accepts version 13 with a well-formed key and our one subprotocol, and negotiates no extension: compression
leaks and can be a bomb (F5). It echoes no subprotocol but ours (H11: a token that a client hides among its
subprotocols must not be sent back in clear). `kit/net/gate.py` calls it after checking Host and Origin.
"""

from collections.abc import Iterable
from typing import Final

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidUpgrade
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from parlour_protocol.frames.wire import SUBPROTOCOL
from parlour_server.kit.net import http_refusals as refusals
from parlour_server.kit.net.http_refusals import Refusal
from parlour_server.kit.net.quiet_logger import quiet_logger

# Shared: ``process_request`` depends only on the request; its state here is never used.
_checker: Final = ServerProtocol(subprotocols=(Subprotocol(SUBPROTOCOL),), logger=quiet_logger("websocket"))
# No Date: RFC 9110 section 6.6.1 wants it from 200 on, and making it cost more than the check.
_ANSWER: Final = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {accept}\r\n"
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
    "\r\n"
)


def answer_handshake(target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes | Refusal:
    """Return the response that opens the WebSocket, or a refusal."""
    try:
        fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        accept, extensions, subprotocol = _checker.process_request(Request(target.decode("ascii"), fields))
    except InvalidUpgrade:
        return refusals.NO_UPGRADE
    except InvalidHandshake:
        return refusals.BAD_HANDSHAKE
    if extensions is not None or subprotocol != SUBPROTOCOL:
        return refusals.BAD_HANDSHAKE  # F5, H11: the response below would not match
    return _ANSWER.format(accept=accept).encode("ascii")
