"""The WebSocket handshake, checked by websockets' sans-I/O protocol.

It accepts version 13 with a well-formed key and the program's one subprotocol, and negotiates no extension:
compression leaks and can be a bomb (F5). It echoes no other subprotocol (H11: a token that a client hides
among its subprotocols must not be sent back in clear). `gate.py` calls it after checking Host and Origin.
"""

from collections.abc import Iterable
from typing import Any, Final

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidUpgrade
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from parlour_protocol.kit.wire import Wire
from parlour_server.core.net import http_refusals as refusals
from parlour_server.core.net.http_refusals import Refusal
from parlour_server.core.net.quiet_logger import quiet_logger

# No Date: RFC 9110 section 6.6.1 wants it from 200 on, and making it cost more than the check.
_ANSWER: Final = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {accept}\r\n"
    "Sec-WebSocket-Protocol: {subprotocol}\r\n"
    "\r\n"
)


class Handshake:
    """The handshake of one program's WebSocket."""

    def __init__(self, wire: Wire[Any, Any]) -> None:
        """Take the path and the subprotocol of ``wire``."""
        self.path: Final = wire.path.encode("ascii")
        self._subprotocol: Final = wire.subprotocol
        # Shared: ``process_request`` depends only on the request; its state here is never used.
        self._checker = ServerProtocol(
            subprotocols=(Subprotocol(wire.subprotocol),), logger=quiet_logger("websocket")
        )

    def answer(self, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes | Refusal:
        """Return the response that opens the WebSocket, or a refusal."""
        try:
            fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
            request = Request(target.decode("ascii"), fields)
            accept, extensions, subprotocol = self._checker.process_request(request)
        except InvalidUpgrade:
            return refusals.NO_UPGRADE
        except InvalidHandshake:
            return refusals.BAD_HANDSHAKE
        if extensions is not None or subprotocol != self._subprotocol:
            return refusals.BAD_HANDSHAKE  # F5, H11: the response below would not match
        return _ANSWER.format(accept=accept, subprotocol=subprotocol).encode("ascii")
