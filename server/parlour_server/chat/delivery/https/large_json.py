"""Reads and writes large JSON off the event loop (L27).

A commit can have 7 MB, and decoding one on the loop blocked everyone for 50 ms or more. One thread does it
for the whole server, in steps of about 64 KiB (`parlour_protocol.kit.opaque`), and the loop runs in
between. It handles one body of an account at a time, so that an account's bodies wait only for each other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from parlour_protocol.kit.api import decode_large_payload, encode_payload
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.payload import Payload
from parlour_server.core.errors import UnavailableError
from parlour_server.core.https.problems import HEADERS
from parlour_server.core.https.request_guard import RequestGuard

_P = TypeVar("_P", bound=Payload)
_T = TypeVar("_T")
_SLICE: Final = 64 * 1024


class LargeJson:
    """One thread, shared fairly between accounts."""

    def __init__(self) -> None:
        """Create the pool; its thread starts with the first body."""
        self._thread = ThreadPoolExecutor(1, "bodies")
        self._turns: dict[UserName, tuple[asyncio.Lock, int]] = {}

    async def body(self, guard: RequestGuard, request: Request, kind: type[_P], user: UserName) -> _P:
        """Return the body of a request. Raises MalformedFrameError, UnavailableError, RequestRefusedError."""
        return await self.decode(user, kind, await guard.raw_body(request, kind))

    async def decode(self, user: UserName, kind: type[_P], data: bytes) -> _P:
        """Read a body. Raises MalformedFrameError and UnavailableError."""
        return await self._run(user, lambda: decode_large_payload(kind, data))

    async def answer(self, user: UserName, payload: Payload) -> Response:
        """Return a 200 response that sends this body in slices."""
        data = await self._run(user, lambda: encode_payload(payload))
        headers = {**HEADERS, "Content-Length": str(len(data))}
        return StreamingResponse(_slices(data), HTTPStatus.OK, headers, "application/json")

    def close(self) -> None:
        """Stop the thread and drop waiting bodies."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, user: UserName, work: Callable[[], _T]) -> _T:
        async with self._turn(user):
            try:
                job = self._thread.submit(work)
            except RuntimeError:
                raise UnavailableError("the server is stopping") from None
            return await asyncio.wrap_future(job)

    @asynccontextmanager
    async def _turn(self, user: UserName) -> AsyncIterator[None]:
        lock, waiting = self._turns.get(user, (asyncio.Lock(), 0))
        self._turns[user] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[user]
            if waiting == 1:
                del self._turns[user]
            else:
                self._turns[user] = (lock, waiting - 1)


async def _slices(data: bytes) -> AsyncIterator[bytes]:
    view = memoryview(data)
    for at in range(0, len(view), _SLICE):
        yield bytes(view[at : at + _SLICE])
