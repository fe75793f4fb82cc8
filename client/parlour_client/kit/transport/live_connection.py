"""The current conversation with the server, if any: requests use it, and are refused while offline."""

import asyncio

from parlour_client.kit.errors import UnreachableError
from parlour_client.kit.transport.conversation import Conversation, Read
from parlour_protocol.frames import AnyRequest, AnyResult


class LiveConnection:
    """The connection, for parts that send requests now."""

    def __init__(self) -> None:
        self.conversation: Conversation | None = None
        self.online = asyncio.Event()
        """Set while requests are answered."""

    async def ask(self, frame: AnyRequest) -> AnyResult | None:
        """Send a request now. Raises UnreachableError while offline, RefusedError."""
        if self.conversation is None:
            raise UnreachableError(
                "There is no connection to the server right now.", "Try again when it is back."
            )
        if isinstance(frame, Read):
            return await self.conversation.read(frame)
        return await self.conversation.request(frame)

    async def tell(self, frame: AnyRequest) -> None:
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
            await self.conversation.wire.close()
