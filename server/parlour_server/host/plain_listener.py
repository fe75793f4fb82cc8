"""A listener of plain HTTP for one purpose: one GET per connection gets a short page, or is refused.

It has the same defences as the main listener (L28): the gate's checks of form, Host and Origin, so that a
page with a rebound DNS name reads nothing (H3); fixed refusals; no software names (H10); a total deadline
(H5), few sockets, no body. Who opens it says what it serves.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import h11
from websockets.datastructures import Headers
from websockets.http11 import Response

from parlour_server.core.addresses import listen_address
from parlour_server.core.errors import SetupError
from parlour_server.core.net import http_refusals as refusals
from parlour_server.core.net.gate import HEAD_BYTES, Head, Rules, check_request
from parlour_server.core.net.http_refusals import Refusal
from parlour_server.core.net.socket_close import close_soon

MOST_SOCKETS: Final = 8  # one scraper needs one, a CA that looks from several places some more
SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0
_TOO_LARGE: Final = 431
_NOT_HERE: Final = Refusal(HTTPStatus.NOT_FOUND, "not_found", "Not found.")
_ONLY_GET: Final = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Use GET.", Allow="GET")

FindPage = Callable[[bytes], bytes | None]
"""Returns the page of a path, None if there is none. It is called in the event loop's thread."""


class PlainListener:
    """Answers with what ``find`` returns."""

    def __init__(self, find: FindPage, content_type: str) -> None:
        self._find = find
        self._content_type = content_type
        self._server: asyncio.Server | None = None
        self._open: dict[_Socket, str] = {}

    async def open(self, address: str, hosts: Callable[[int], frozenset[bytes]]) -> int:
        """Listen on `host:port`, and return the port. Raises SetupError.

        ``hosts`` returns the allowed Host headers of a server on a port.
        """
        host, port = listen_address(address)
        rules: list[Rules] = []
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Socket(self._find, self._content_type, rules[0], self._open), host, port
            )
        except OSError as error:
            # asyncio's own text repeats the address in a form of its own; numbers below 0 are the resolver's
            code = error.errno or 0
            why = os.strerror(code) if code > 0 else error.strerror or error
            raise SetupError(f"cannot listen on {address}: {why}") from error
        bound: int = self._server.sockets[0].getsockname()[1]
        rules.append(Rules(hosts(bound), frozenset(), lambda _method, _path: 0))
        return bound

    def close(self) -> None:
        """Stop listening, and close all sockets."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._open):
            connection.abort()


class _Socket(asyncio.Protocol):
    """One socket with one request."""

    def __init__(self, find: FindPage, content_type: str, rules: Rules, others: "dict[_Socket, str]") -> None:
        """``others`` are the open sockets, oldest first, with the addresses of their peers."""
        self._find = find
        self._content_type = content_type
        self._rules = rules
        self._others = others
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the request. Over the cap, the oldest socket of the address with most gives way."""
        if len(self._others) >= MOST_SOCKETS:
            counts = Counter(self._others.values())
            oldest = max(self._others, key=lambda connection: counts[self._others[connection]])
            del self._others[oldest]
            oldest.abort()
        self._transport = transport
        self._others[self] = (transport.get_extra_info("peername") or ("",))[0]
        self._timer = asyncio.get_running_loop().call_later(SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Answer when the head is complete."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            too_large = error.error_status_hint == _TOO_LARGE
            self._answer((refusals.TOO_LARGE if too_large else refusals.BAD_REQUEST).wire)
            return
        if isinstance(event, h11.Request):
            self._answer(self._answer_to(event))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the socket."""
        del exc
        self._others.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _answer_to(self, event: h11.Request) -> bytes:
        head = Head(event.method, event.target, event.http_version, list(event.headers))
        refusal = check_request(head, self._rules)
        page = None if refusal else self._find(head.target)
        if page is not None and head.method == b"GET":
            return _page(page, self._content_type)
        return (refusal or (_NOT_HERE if page is None else _ONLY_GET)).wire

    def _answer(self, wire: bytes) -> None:
        if self._transport is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._transport.write(wire)
        self._timer = close_soon(asyncio.get_running_loop(), self._transport, _CLOSE_SECONDS)


def _page(body: bytes, content_type: str) -> bytes:
    fields = Headers()
    fields["Content-Type"] = content_type
    fields["Content-Length"] = str(len(body))
    fields["Cache-Control"] = "no-store"
    fields["X-Content-Type-Options"] = "nosniff"
    fields["Connection"] = "close"
    return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, fields, body).serialize()
