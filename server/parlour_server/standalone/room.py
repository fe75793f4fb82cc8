"""A room of connections: each presents its ticket first, is heard, and gets what is published.

Someone who reads too slowly is cut off when their queue is full (R2), so nobody waits for them and nothing
piles up; a session that ends closes its connections (S1). The framework's socket is two functions: one reads
a text, one sends a text.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import (
    SESSION_ENDED,
    SESSION_EXPIRED,
    TOO_MANY_ERRORS,
    TOO_SLOW,
    MalformedFrameError,
)
from parlour_protocol.kit.frames import Frame
from parlour_server.standalone.logins import LoginSession, MemoryLogins, NotLoggedInError

NO_TICKET: Final = 4401
"""The close code for a first frame that is late, or is not a ticket that opens something."""
_BROKEN: Final = 1011
_CLOSE_SECONDS: Final = 1.0


class Welcome(Frame, frozen=True, tag="welcome"):
    """The first frame from the server: the ticket was good."""

    user: str


class ClosingError(Exception):
    """The connection ends with this close code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Room:
    """Everyone who is connected."""

    def __init__(
        self,
        logins: MemoryLogins,
        hear: Callable[[str, str], None],
        *,
        waiting: int,
        first_frame_seconds: float,
    ) -> None:
        """``hear`` gets the name of someone and a text of theirs; it may raise what ``run`` says.

        At most ``waiting`` frames wait to be sent to someone; a ticket has ``first_frame_seconds`` to come.
        """
        self._logins = logins
        self._hear = hear
        self._waiting = waiting
        self._first_frame_seconds = first_frame_seconds
        self._peers: dict[asyncio.Queue[str], asyncio.Future[int]] = {}
        """What waits for each, and their close code once they have to go."""

    def publish(self, frame: Frame) -> None:
        """Send a frame to everyone."""
        text = encode(frame).decode()
        for queue, closed in self._peers.items():
            if not queue.full():
                queue.put_nowait(text)
            else:
                _close(closed, TOO_SLOW)

    async def run(
        self,
        receive: Callable[[], Awaitable[str]],
        send: Callable[[str], Awaitable[object]],
        close: Callable[[int], Awaitable[object]],
    ) -> None:
        """Run a connection to its end.

        ClosingError ends it, raised by ``receive`` or ``hear``, and MalformedFrameError by ``hear``.
        """
        code = await self._open(receive, send)
        with suppress(Exception):  # they may be gone, or not read what they are told
            async with asyncio.timeout(_CLOSE_SECONDS):
                await close(code)

    async def _open(
        self, receive: Callable[[], Awaitable[str]], send: Callable[[str], Awaitable[object]]
    ) -> int:
        try:
            async with asyncio.timeout(self._first_frame_seconds):
                session = self._logins.open(await receive())
        except (TimeoutError, NotLoggedInError):
            return NO_TICKET
        except ClosingError as closing:
            return closing.code
        return await self._talk(session, receive, send)

    async def _talk(
        self,
        session: LoginSession,
        receive: Callable[[], Awaitable[str]],
        send: Callable[[str], Awaitable[object]],
    ) -> int:
        queue: asyncio.Queue[str] = asyncio.Queue(self._waiting)
        queue.put_nowait(encode(Welcome(session.user)).decode())
        closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        reading = asyncio.create_task(self._read(session.user, receive))
        writing = asyncio.create_task(_write(queue, send))

        def end() -> None:
            _close(closed, SESSION_ENDED)

        self._peers[queue] = closed
        session.closes.add(end)
        expiry = asyncio.get_running_loop().call_later(
            self._logins.seconds_left(session), _close, closed, SESSION_EXPIRED
        )
        parts: set[asyncio.Future[Any]] = {closed, reading, writing}
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return closed.result() if closed.done() else _code_of(reading if reading.done() else writing)
        finally:
            expiry.cancel()
            session.closes.discard(end)
            del self._peers[queue]
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)

    async def _read(self, user: str, receive: Callable[[], Awaitable[str]]) -> None:
        while True:
            self._hear(user, await receive())


async def _write(queue: asyncio.Queue[str], send: Callable[[str], Awaitable[object]]) -> None:
    while True:
        await send(await queue.get())


def _code_of(task: asyncio.Task[None]) -> int:
    match task.exception():
        case ClosingError(code=code):
            return code
        case MalformedFrameError():
            return TOO_MANY_ERRORS
        case _:
            return _BROKEN


def _close(closed: asyncio.Future[int], code: int) -> None:
    if not closed.done():
        closed.set_result(code)
