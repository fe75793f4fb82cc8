"""What the chat sees of a connection, and what a connection sees of the chat.

The two sides of this seam know nothing else of each other: `net` speaks TLS, HTTP and RFC 6455 and knows
no room; `chat` knows rooms and no socket. Everything here runs in the event loop's thread.
"""

from dataclasses import dataclass
from typing import Protocol

from parlour_protocol.errors import CloseCode
from parlour_protocol.frames.base import Frame
from parlour_protocol.ids import ConnectionId
from parlour_server.store.types import TicketGrant


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """Who is at the other end. ``address`` is the remote IP address without its port."""

    id: ConnectionId
    grant: TicketGrant
    address: str


class Peer(Protocol):
    """A connection that may be written to. No method waits, and none raises when the peer is gone.

    A peer that does not read is cut off by the connection itself when more than its byte cap is unsent
    (R2: slow reader); the chat never waits for anybody.
    """

    @property
    def info(self) -> PeerInfo: ...

    def send(self, frame: Frame) -> int:
        """Encode one frame, write it and return its bytes; the chat keeps the session's state machine."""
        ...

    def write(self, wire: bytes) -> None:
        """Write RFC 6455 frames that are ready (unmasked, whole): what a room's fan-out shares."""
        ...

    def end(self, code: CloseCode) -> None:
        """Close within two seconds, whether the peer reads or not; nothing more is delivered to it."""
        ...


class Chat(Protocol):
    """What a connection calls."""

    def opened(self, peer: Peer) -> None:
        """Greet the peer: the WebSocket handshake is done, its ticket redeemed."""
        ...

    def received(self, peer: Peer, data: bytes) -> None:
        """Handle one text frame (the payload, at most the limit of a request). Never raises."""
        ...

    def closed(self, peer: Peer) -> None:
        """Forget the peer: its connection is gone."""
        ...
