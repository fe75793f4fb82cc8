"""The conversation with the server while there is one: what asks goes by it, and is refused while offline."""

import asyncio

from parlour_client.core.errors import UnreachableError
from parlour_client.core.transport.conversation import Conversation, Read
from parlour_protocol.frames import AnyRequest, AnyResult


class LiveConnection:
    """The one connection, as those see it who ask something now."""

    def __init__(self) -> None:
        self.conversation: Conversation | None = None
        self.online = asyncio.Event()
        """Set while requests are answered."""

    async def ask(self, frame: AnyRequest) -> AnyResult | None:
        """Ask the server now. Raises UnreachableError while offline, RefusedError."""
        if self.conversation is None:
            raise UnreachableError("There is no connection to the server now.", "Try again when it is back.")
        if isinstance(frame, Read):
            return await self.conversation.read(frame)
        return await self.conversation.request(frame)

    async def tell(self, frame: AnyRequest) -> None:
        """Tell the server what is not worth waiting for, and not worth an error while offline."""
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
