"""One connection's conversation: frames in and out, in the order that the protocol's table allows.

It decodes each frame strictly, matches answers to requests by id, and hands everything else on. A malformed
or out-of-order frame ends it with ``ServerMisbehavedError`` (F8: a hostile server never crashes the client);
so does an answer that times out, since the connection is then taken for dead. A program's ``Wire`` says which
frames there are. ``Reconnector`` makes a new conversation for each connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar, cast

from parlour_client.kit.clock import Clock, Timer
from parlour_client.kit.errors import (
    ParlourClientError,
    RefusedError,
    ServerMisbehavedError,
    UnreachableError,
)
from parlour_client.kit.language import _
from parlour_client.kit.transport.frame_socket import FrameSocket, SocketClosedError
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.connection_state import ConnectionState, Side
from parlour_protocol.kit.errors import ErrorCode, MalformedFrameError, OutOfOrderError
from parlour_protocol.kit.frames import Answer, Frame, Greeting, Part, Push, Refusal, Request, Success
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.limits import IN_FLIGHT
from parlour_protocol.kit.wire import Wire

ANSWER_SECONDS: Final = 20.0
"""Longer than any honest answer takes; a connection that stays silent longer is closed."""
_SPARE: Final = 4
"""Slots left unused, so that a request that timed out does not push us over the limit."""

_PATIENT_ASKS: Final = 30
"""How often a read is repeated after the server said "too fast"."""
_LONGEST_WAIT: Final = 60.0

_MOST_EARLY: Final = 10_000
"""Frames buffered while rooms are compared; an honest server sends a few in that second."""

T = TypeVar("T")
G = TypeVar("G", bound=Greeting)
Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Part | None)
P = TypeVar("P", bound=Push)

Answered = Callable[[Answer], None]
"""Called by the receiving loop before the next frame is processed."""


class Conversation(Generic[G, Q, R, P]):
    """The requests and frames of one connection: greeting, requests, results and pushes of one program."""

    def __init__(
        self,
        socket: FrameSocket,
        wire: Wire[Q, Any],
        clock: Clock,
        *,
        refused: type[RefusedError] = RefusedError,
    ) -> None:
        """Raise a refusal as ``refused``."""
        self.socket = socket
        self._refused = refused
        self._wire = wire
        self._clock = clock
        self._early: list[P] = []
        self._session = ConnectionState(Side.CLIENT)
        self._answers: dict[RequestId, tuple[Answered, Timer]] = {}
        self._slots = asyncio.Semaphore(IN_FLIGHT.value - _SPARE)
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def hello(self) -> G:
        """Wait for the server's first frame."""
        async with asyncio.timeout(ANSWER_SECONDS):
            frame = self._understood(await self.socket.receive())
        return cast("G", frame)  # the table of states allows nothing else here

    async def listen(self, on_push: Callable[[P], Awaitable[None]], *beside: Awaitable[None]) -> None:
        """Receive until the connection ends, or something ``beside`` fails, and raise why.

        Nothing is read while ``on_push`` waits.
        """
        tasks = [asyncio.ensure_future(each) for each in (self._listen(on_push), *beside)]
        try:
            await self._wait(tasks, asyncio.FIRST_EXCEPTION)
        finally:
            await _cancel(tasks)
            self.end()

    async def first(self, work: Awaitable[T]) -> T:
        """Run something that sends requests before pushed frames are processed; ``listen`` buffers them."""
        working, receiving = asyncio.ensure_future(work), asyncio.ensure_future(self._receive(self._keep))
        try:
            await self._wait([receiving, working], asyncio.FIRST_COMPLETED)
            return working.result()
        finally:
            await _cancel([receiving, working])

    async def read(self, frame: Q) -> R | None:
        """Send a request that changes nothing; after "too fast" it is repeated when the server allows.

        Raises RefusedError, UnreachableError.
        """
        for _ask in range(_PATIENT_ASKS):
            try:
                return await self.request(frame)
            except RefusedError as error:
                if error.code != ErrorCode.RATE_LIMITED:
                    raise
                await self._clock.sleep(min((error.retry_after or 1_000) / 1_000, _LONGEST_WAIT))
        return await self.request(frame)

    async def request(self, frame: Q) -> R | None:
        """Send a request and return the result of its ``ok``. Raises RefusedError, UnreachableError."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def answered(reply: Answer) -> None:
            if not future.done():
                future.set_result(reply)

        await self.ask(frame, answered)
        await asyncio.wait((future, self._broken), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            raise UnreachableError(_("The connection was lost before the server answered."))
        reply = future.result()
        if isinstance(reply, Refusal):
            raise self._refused(reply.code, reply.hint, retry_after=reply.retry_after)
        return cast("R | None", cast("Success", reply).result)

    async def ask(self, frame: Q, answered: Answered) -> None:
        """Send a request; ``answered`` is called with its answer, or never if the connection ends first."""
        await self._slots.acquire()
        if self._broken.done():
            self._slots.release()  # wake the next waiter
            raise UnreachableError(_("The connection was lost."))
        self._session.sent(frame)
        timer = self._clock.call_later(ANSWER_SECONDS, self._give_up)
        self._answers[frame.id] = (answered, timer)
        try:
            await self.socket.send(encode(frame))
        except SocketClosedError as error:
            self._break(error)
            raise UnreachableError(_("The connection was lost.")) from error

    def end(self) -> None:
        """Fail all unanswered requests."""
        self._break(SocketClosedError())
        self._session.close()
        for _answer, timer in self._answers.values():
            timer.cancel()
        self._answers.clear()

    async def _listen(self, on_push: Callable[[P], Awaitable[None]]) -> None:
        early, self._early = self._early, []
        for push in early:
            await on_push(push)
        await self._receive(on_push)

    async def _keep(self, push: P) -> None:
        if len(self._early) >= _MOST_EARLY:
            raise UnreachableError(_("The server sent too much before it answered."))
        self._early.append(push)

    async def _receive(self, on_push: Callable[[P], Awaitable[None]]) -> None:
        while True:
            frame = self._understood(await self.socket.receive())
            if isinstance(frame, Answer):
                self._answered(frame)
            else:  # the table of states allows no second greeting
                await on_push(cast("P", frame))

    def _understood(self, data: bytes) -> Frame:
        try:
            frame: Frame = self._wire.decode_server_frame(data)
            self._session.received(frame)
        except MalformedFrameError as error:
            raise ServerMisbehavedError(
                _("The server sent a frame that cannot be read ({error}).").format(error=error)
            ) from error
        except OutOfOrderError as error:
            raise ServerMisbehavedError(
                _("The server sent something unexpected ({error}).").format(error=error)
            ) from error
        return frame

    def _answered(self, reply: Answer) -> None:
        if (whose := reply.re) is None:  # it could not read a frame; ours are well-formed
            raise ServerMisbehavedError(_("The server refused a frame without saying which."))
        answer, timer = self._answers.pop(whose)
        timer.cancel()
        self._slots.release()
        answer(reply)

    def _give_up(self) -> None:
        self._break(UnreachableError(_("The server is not responding.")))

    async def _wait(self, tasks: "Sequence[asyncio.Future[Any]]", until: str) -> None:
        """Wait for tasks, the one that receives first. Raises why the connection ended, or why a task failed.

        In this order: a request that the end of the connection left without an answer doesn't know why.
        """
        await asyncio.wait((self._broken, *tasks), return_when=until)
        for ended in (self._broken, *tasks):
            if ended.done():
                ended.result()

    def _break(self, error: ParlourClientError) -> None:
        if not self._broken.done():
            self._broken.set_exception(error)
            self._broken.exception()  # it is raised where someone waits for it
            self._slots.release()  # wake a waiter for a slot; each wakes the next (see `ask`)


async def _cancel(tasks: "Sequence[asyncio.Future[Any]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
