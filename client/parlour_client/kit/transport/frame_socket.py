"""A connection as a conversation needs it: whole text frames out and in, and an end.

``websocket`` has the real one, tests have one in memory. A socket does not interpret frames and never
reconnects. ``Dial`` opens one: ``Reconnector`` calls it each time that it needs a new one.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _


class SocketClosedError(ParlourClientError):
    """The socket has ended; ``code`` is the WebSocket close code, or None when it just broke."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(_("The connection was lost."))
        self.code = code


class FrameSocket(Protocol):
    """One open connection."""

    security: str
    """How it is protected, in our own words."""

    async def receive(self) -> bytes:
        """Wait for the next frame. Raises SocketClosedError."""
        ...

    async def send(self, data: bytes) -> None:
        """Send one frame. Raises SocketClosedError."""
        ...

    async def close(self) -> None:
        """Close it cleanly, within a second or two."""
        ...


Dial = Callable[[], Awaitable[FrameSocket]]
