"""What an app of a program's own gets of a request, and what it may answer.

The gate has checked Host, Origin and the length of the body, and the API counts a request of it for its
address like any other. Here it gets the session that asks, checked again when the body has arrived, and
neither its token nor cookies. It answers in time, without cookies, and with a policy that lets no page run
what others wrote.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parlour_server.core.errors import ParlourServerError
from parlour_server.core.https.mount import Mount
from parlour_server.core.https.problems import HEADERS, RequestRefusedError
from parlour_server.core.https.request_guard import RequestGuard

SECONDS: Final = 30.0
"""For a whole answer. What takes longer is for the WebSocket, whose connections end with their sessions."""
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_UNLESS_SAID: Final = {
    **HEADERS,
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # with no-referrer the Origin of a form is `null`, which is refused
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_WITHHELD: Final = {b"authorization", b"cookie"}


class MountedApp:
    """An app behind the checks of the API."""

    def __init__(self, mount: Mount, app: ASGIApp, guard: RequestGuard) -> None:
        self._mount = mount
        self._app = app
        self._guard = replace(guard, also=mount.also)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI). Raises SessionRefusedError, RequestRefusedError."""
        request = Request(scope)
        if self._mount.session:
            await self._guard.authenticate(request)
            if self._mount.also is not None:
                await self._mount.also(request)
        if self._guard.content_filter is not None and request.headers.get("content-length", "0") != "0":
            raise RequestRefusedError(
                HTTPStatus.FORBIDDEN,
                "not_inspected",
                "This server inspects what people send, and can't here.",
            )
        limit = asyncio.timeout(SECONDS)
        exchange = _Exchange(partial(self._guard.check_again, request), receive, send, limit.expired)
        try:
            async with limit:
                await self._app(_for_app(scope), exchange.receive, exchange.send)
        except Exception:
            if exchange.refused is None and not limit.expired():
                raise
        if exchange.has_begun:
            return  # half an answer ends the connection
        if exchange.refused is not None:
            raise exchange.refused
        if limit.expired():
            raise RequestRefusedError(
                HTTPStatus.GATEWAY_TIMEOUT, "too_slow", "The answer took too long. Try again later."
            )


class _Exchange:
    """One request and its answer, as the app receives and sends them."""

    def __init__(
        self,
        check_again: Callable[[], Awaitable[None]],
        receive: Receive,
        send: Send,
        is_late: Callable[[], bool],
    ) -> None:
        self._check_again = check_again
        self._is_late = is_late
        self._receive = receive
        self._send = send
        self.has_begun = False
        """Whether the app has begun to answer."""
        self.refused: ParlourServerError | None = None
        """Why it sees no end of the body. If it were raised to the app, that could answer in its own way."""

    async def receive(self) -> Message:
        """Return a piece of the body; at its end, the session must still be there."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            try:
                await self._check_again()
            except ParlourServerError as error:
                self.refused = error
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Send a piece of the answer. Raises RuntimeError for a cookie, TimeoutError for a late piece."""
        if self._is_late():
            raise TimeoutError  # to an app that was cancelled, and goes on
        if self.refused is not None:
            return
        if message["type"] == "http.response.start":
            message = {**message, "headers": _hardened(message)}
        await self._send(message)
        self.has_begun = True


def _for_app(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name not in _WITHHELD]
    # Its state is its own: the checks after the body look at ours.
    return {**scope, "headers": headers, "extensions": {}, "state": dict(scope.get("state", {}))}


def _hardened(message: Message) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer. Raises RuntimeError for a cookie."""
    # Not every framework writes the names in lower case, in which they are compared here.
    headers = MutableHeaders(raw=[(name.lower(), value) for name, value in message.get("headers", ())])
    if "set-cookie" in headers:
        raise RuntimeError("an app beside the API set a cookie: a browser would send it along for any page")
    del headers["server"]
    for name, value in _UNLESS_SAID.items():
        headers.setdefault(name, value)
    return headers.raw
