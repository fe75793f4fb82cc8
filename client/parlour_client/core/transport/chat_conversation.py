"""A conversation with a chat server: requests and answers in this device's log numbers.

Numbers of an answer from other logs than the greeting's end it (R22). A request about a message that the
server has lost is refused here.
"""

from collections.abc import Callable

from msgspec.structs import replace

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.room_log.translation import OTHER_LOGS, LostError, Numbers
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.transport.conversation import Conversation
from parlour_client.kit.transport.frame_socket import FrameSocket
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import AnyRequest, AnyResult, Hello
from parlour_protocol.frames.replies import AnyPush, Error, Ok, Page, Stored
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Answer
from parlour_protocol.kit.ids import Incarnation


class ChatConversation(Conversation[Hello, AnyRequest, AnyResult, AnyPush]):
    """The requests and frames of one connection to a chat server."""

    def __init__(self, socket: FrameSocket, clock: Clock) -> None:
        super().__init__(socket, WIRE, clock, refused=ChatRefusedError)
        self.incarnation: Incarnation | None = None
        """Of the server's logs, once it greeted: it holds for every number on this connection."""
        self.numbers: Numbers | None = None
        """The server's numbers as they are here; None while that is still to be found out: as they are."""

    async def hello(self) -> Hello:
        """Wait for the server's first frame."""
        frame = await super().hello()
        self.incarnation = frame.incarnation
        return frame

    async def ask(self, frame: AnyRequest, answered: Callable[[Ok | Error], None]) -> None:
        """Send a request; ``answered`` is called with its answer, or never if the connection ends first."""
        try:
            there = frame if self.numbers is None else self.numbers.request(frame)
        except LostError as error:
            answered(Error(code=ErrorCode.NOT_FOUND, re=frame.id, hint=ReasonText.parse(str(error))))
            return

        def here(reply: Answer) -> None:
            if isinstance(reply, Error):
                answered(reply)
            elif isinstance(reply, Ok):
                answered(self._here(reply))

        await super().ask(there, here)

    def _here(self, reply: Ok) -> Ok:
        """Return an answer in our numbers. Raises ServerMisbehavedError, which ends the connection."""
        result = reply.result
        if isinstance(result, Page | Stored) and result.incarnation != self.incarnation:
            raise ServerMisbehavedError(OTHER_LOGS)
        return reply if self.numbers is None else replace(reply, result=self.numbers.result(result))
