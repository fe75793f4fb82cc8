"""The WebSocket handshake: checked and answered by websockets' sans-I/O protocol.

It accepts version 13 with a well-formed key and our one subprotocol, and negotiates no extension: a
compressed channel leaks and can be a bomb (F5). It echoes no subprotocol but ours (H11: a client that hides
a token among its subprotocols must not get it back in clear). `net/gate.py` calls it, after Host and Origin.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from parlour_protocol.api import SUBPROTOCOL
from parlour_server.net import refusals
from parlour_server.net.quiet import quiet_logger
from parlour_server.net.refusals import Refusal

_SUBPROTOCOLS: Final = (Subprotocol(SUBPROTOCOL),)
_log: Final = quiet_logger("websocket")


def answer_handshake(target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes | Refusal:
    """Return the response that opens the WebSocket, or what is to be answered instead."""
    fields = Headers()
    for name, value in headers:
        fields[name.decode("latin-1")] = value.decode("latin-1")
    protocol = ServerProtocol(subprotocols=_SUBPROTOCOLS, logger=_log)
    response = protocol.accept(Request(target.decode("ascii"), fields))
    match response.status_code:
        case HTTPStatus.SWITCHING_PROTOCOLS:
            return response.serialize()
        case HTTPStatus.UPGRADE_REQUIRED:
            return refusals.NO_UPGRADE
        case _:
            return refusals.BAD_HANDSHAKE
