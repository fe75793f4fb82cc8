"""One connection's conversation: frames in and out, in the order that the protocol's table allows.

It decodes each frame strictly, matches answers to requests by id, and hands everything else on. A malformed
or out-of-order frame ends it with ``ServerMisbehavedError`` (F8: a hostile server never crashes the client);
so does an answer that times out, since the connection is then taken for dead. ``Reconnector`` makes a new one
for each connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from parlour_client.core.room_log.translation import OTHER_LOGS, LostError, Numbers
from parlour_client.kit.clock import Clock, Timer
from parlour_client.kit.errors import (
    ParlourClientError,
    RefusedError,
    ServerMisbehavedError,
    UnreachableError,
)
from parlour_client.kit.transport.frame_socket import Wire, WireClosedError
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import AnyRequest, AnyResult, AnyServerFrame, Hello, decode_server_frame, encode
from parlour_protocol.frames.replies import AnyPush, Error, Ok, Page, Stored
from parlour_protocol.frames.requests import (
    History,
    ListBlocked,
    ListInvitations,
    ListMembers,
    ListPins,
    ListRooms,
)
from parlour_protocol.kit.connection_state import ConnectionState, Side
from parlour_protocol.kit.errors import MalformedFrameError, OutOfOrderError
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Incarnation, RequestId
from parlour_protocol.kit.limits import IN_FLIGHT

ANSWER_SECONDS: Final = 20.0
"""Longer than any honest answer takes; a wire that stays silent longer is closed."""
_SPARE: Final = 4
"""Slots left unused, so that a request that timed out does not push us over the limit."""

_PATIENT_ASKS: Final = 30
"""How often a read is repeated after the server said "too fast"."""
_LONGEST_WAIT: Final = 60.0

_MOST_EARLY: Final = 10_000
"""Frames buffered while rooms are compared; an honest server sends a few in that second."""

T = TypeVar("T")

Read = History | ListBlocked | ListInvitations | ListMembers | ListPins | ListRooms
"""Requests that a server answers with a page or a list, and that change nothing."""

Answer = Callable[[Ok | Error], None]
"""Called by the receiving loop before the next frame is processed."""

PushHandler = Callable[[AnyPush], Awaitable[None]]


class Conversation:
    """The requests and frames of one connection."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.wire = wire
        self._clock = clock
        self.incarnation: Incarnation | None = None
        """Of the server's logs, once it greeted: it holds for every number on this wire."""
        self.numbers: Numbers | None = None
        """What the server's numbers are here; None while that is still to be found out: as they are."""
        self._early: list[AnyPush] = []
        self._session = ConnectionState(Side.CLIENT)
        self._answers: dict[RequestId, tuple[Answer, Timer]] = {}
        self._slots = asyncio.Semaphore(IN_FLIGHT.value - _SPARE)
        self._broken: asyncio.Future[ParlourClientError] = asyncio.get_running_loop().create_future()

    async def hello(self) -> Hello:
        """Wait for the server's first frame."""
        async with asyncio.timeout(ANSWER_SECONDS):
            frame = self._understood(await self.wire.receive())
        assert isinstance(frame, Hello)  # noqa: S101 - the table of states allows nothing else here
        self.incarnation = frame.incarnation
        return frame

    async def listen(self, on_push: PushHandler) -> None:
        """Receive until the connection ends, and raise why. Nothing is read while ``heard`` waits."""
        receiving = asyncio.ensure_future(self._listen(on_push))
        try:
            await _first(receiving, self._broken)
            if self._broken.done():
                raise self._broken.result()
            await receiving
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
            self.end()

    async def first(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something that sends requests before pushed frames are processed; ``listen`` buffers them."""
        working, receiving = asyncio.ensure_future(work), asyncio.ensure_future(self._receive(self._keep))
        try:
            await _first(working, receiving, self._broken)
            if not working.done():
                raise self._broken.result() if self._broken.done() else _why(receiving)
            return working.result()
        finally:
            working.cancel()
            receiving.cancel()
            await asyncio.gather(working, receiving, return_exceptions=True)

    async def read(self, frame: Read) -> AnyResult | None:
        """Send a read-only request; after "too fast" it is repeated when the server allows.

        Raises RefusedError, UnreachableError.
        """
        for _ in range(_PATIENT_ASKS):
            try:
                return await self.request(frame)
            except RefusedError as error:
                if error.code is not ErrorCode.RATE_LIMITED:
                    raise
                await self._clock.sleep(min((error.retry_after or 1_000) / 1_000, _LONGEST_WAIT))
        return await self.request(frame)

    async def request(self, frame: AnyRequest) -> AnyResult | None:
        """Send a request and return the result of its ``ok``. Raises RefusedError, UnreachableError."""
        future: asyncio.Future[Ok | Error] = asyncio.get_running_loop().create_future()

        def answered(reply: Ok | Error) -> None:
            if not future.done():
                future.set_result(reply)

        await self.ask(frame, answered)
        await _first(future, self._broken)
        if not future.done():
            raise UnreachableError("The connection was lost before the server answered.")
        reply = future.result()
        if isinstance(reply, Error):
            raise RefusedError(reply.code, reply.hint, retry_after=reply.retry_after)
        return reply.result

    async def ask(self, frame: AnyRequest, answered: Answer) -> None:
        """Send a request; ``answered`` is called with its answer, or never if the connection ends first."""
        try:
            there = frame if self.numbers is None else self.numbers.request(frame)
        except LostError as error:
            answered(Error(code=ErrorCode.NOT_FOUND, re=frame.id, hint=ReasonText.parse(str(error))))
            return
        await self._slots.acquire()
        if self._broken.done():
            self._slots.release()  # wake the next waiter
            raise UnreachableError("The connection was lost.")
        self._session.sent(frame)
        timer = self._clock.call_later(ANSWER_SECONDS, self._give_up)
        self._answers[frame.id] = (answered, timer)
        try:
            await self.wire.send(encode(there))
        except WireClosedError as error:
            self._break(error)
            raise UnreachableError("The connection was lost.") from error

    def end(self) -> None:
        """Fail all unanswered requests."""
        self._break(WireClosedError())
        self._session.close()
        for _, timer in self._answers.values():
            timer.cancel()
        self._answers.clear()

    async def _listen(self, on_push: PushHandler) -> None:
        async def hear(push: AnyPush) -> None:
            await on_push(push if self.numbers is None else self.numbers.push(push))

        early, self._early = self._early, []
        for push in early:
            await hear(push)
        await self._receive(hear)

    async def _keep(self, push: AnyPush) -> None:
        if len(self._early) >= _MOST_EARLY:
            raise UnreachableError("The server sent too much before it answered.")
        self._early.append(push)

    async def _receive(self, on_push: PushHandler) -> None:
        while True:
            frame = self._understood(await self.wire.receive())
            if isinstance(frame, Ok | Error):
                self._answered(frame)
            elif not isinstance(frame, Hello):
                await on_push(frame)

    def _understood(self, data: bytes) -> AnyServerFrame:
        try:
            frame = decode_server_frame(data)
            self._session.received(frame)
        except MalformedFrameError as error:
            raise ServerMisbehavedError(f"The server sent a frame that cannot be read ({error}).") from error
        except OutOfOrderError as error:
            raise ServerMisbehavedError(f"The server sent something unexpected ({error}).") from error
        return frame

    def _answered(self, reply: Ok | Error) -> None:
        if (whose := reply.re) is None:  # it could not read a frame; ours are well-formed
            raise ServerMisbehavedError("The server refused a frame without saying which.")
        if isinstance(reply, Ok) and isinstance(reply.result, Page | Stored):
            self._check_incarnation(reply.result.incarnation)
        if isinstance(reply, Ok) and self.numbers is not None:
            reply = replace(reply, result=self.numbers.result(reply.result))
        answer, timer = self._answers.pop(whose)
        timer.cancel()
        self._slots.release()
        answer(reply)

    def _check_incarnation(self, named: Incarnation) -> None:
        if named != self.incarnation:
            raise ServerMisbehavedError(OTHER_LOGS)

    def _give_up(self) -> None:
        self._break(UnreachableError("The server is not responding."))

    def _break(self, error: ParlourClientError) -> None:
        if not self._broken.done():
            self._broken.set_result(error)
            self._slots.release()  # wake a waiter for a slot; each wakes the next (see `ask`)


def _why(ended: "asyncio.Future[None]") -> BaseException:
    return ended.exception() or UnreachableError("The connection was lost.")


async def _first(*futures: "asyncio.Future[Any]") -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
