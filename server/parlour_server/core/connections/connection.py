"""A WebSocket connection as everything above the network sees it.

`net` speaks TLS, HTTP and RFC 6455 and knows no program; a program knows its peers and no socket. Everything
here runs in the event loop's thread.
"""

import struct
from dataclasses import dataclass
from typing import Final, Protocol

from parlour_protocol.kit.errors import CloseCode
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import ConnectionId
from parlour_server.core.store.records import TicketGrant


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """The person and device at the other end. ``address`` is the remote IP address without its port."""

    id: ConnectionId
    grant: TicketGrant
    address: str


class PeerConnection(Protocol):
    """A connection to write to. No method waits, and none raises when the peer has disconnected.

    A peer that does not read is cut off by the connection itself when more than its byte cap is unsent (R2:
    slow reader); nothing above it ever waits for anyone.
    """

    @property
    def info(self) -> ConnectionInfo:
        """The connection's id, its session and its address."""
        ...

    def send(self, frame: Frame) -> int:
        """Encode one frame, write it and return its bytes."""
        ...

    def write(self, wire: bytes) -> None:
        """Write complete, unmasked RFC 6455 frames, which a fan-out shares."""
        ...

    def end(self, code: CloseCode) -> None:
        """Close within two seconds, whether the peer reads or not; nothing more is delivered to it."""
        ...


_FIN_TEXT: Final = 0x81
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127
_short: Final = struct.Struct("!BB")
_medium: Final = struct.Struct("!BBH")
_long: Final = struct.Struct("!BBQ")


def text_frame(payload: bytes) -> bytes:
    """Return one whole, unmasked text frame (RFC 6455 section 5.2); ``payload`` is UTF-8.

    It is built once, and a fan-out writes the same bytes to every member.
    """
    size = len(payload)
    if size < _LENGTH_16:
        return _short.pack(_FIN_TEXT, size) + payload
    if size < 1 << 16:
        return _medium.pack(_FIN_TEXT, _LENGTH_16, size) + payload
    return _long.pack(_FIN_TEXT, _LENGTH_64, size) + payload
