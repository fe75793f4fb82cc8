"""The current conversation with the server, if any: requests use it, and are refused while offline."""

import asyncio
from typing import Generic

from parlour_client.kit.errors import UnreachableError
from parlour_client.kit.language import _
from parlour_client.kit.transport.conversation import Conversation, G, P, Q, R
from parlour_client.kit.transport.reconnector import Reconnector
from parlour_protocol.kit.frames import Request


class LiveConnection(Generic[G, Q, R, P]):
    """The connection, for parts that send requests now."""

    def __init__(self, reconnector: Reconnector, reads: tuple[type[Request], ...] = ()) -> None:
        """Repeat ``reads``, which change nothing, after "too fast" when the server allows."""
        self._reconnector = reconnector
        self._reads = reads
        self.conversation: Conversation[G, Q, R, P] | None = None
        self.online = asyncio.Event()
        """Set while requests are answered."""

    async def ask(self, frame: Q) -> R | None:
        """Send a request now. Raises UnreachableError while offline, RefusedError, and why it stopped."""
        if self.conversation is None and self._reconnector.stopped.is_set() and self._reconnector.error:
            raise self._reconnector.error
        if self.conversation is None:
            raise UnreachableError(
                _("There is no connection to the server right now."), _("Try again when it is back.")
            )
        if isinstance(frame, self._reads):
            return await self.conversation.read(frame)
        return await self.conversation.request(frame)

    async def tell(self, frame: Q) -> None:
        """Send something that needs no answer and no error while offline."""
        if self.conversation is not None:
            await self.conversation.ask(frame, lambda _: None)

    def end(self) -> None:
        """Go offline."""
        self.conversation = None
        self.online.clear()

    async def drop(self) -> None:
        """Close the connection; the next one begins with a greeting."""
        if self.conversation is not None:
            await self.conversation.socket.close()
