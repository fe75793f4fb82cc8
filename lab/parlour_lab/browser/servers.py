"""Servers on loopback for a browser: an attacker's pages, a shop with common mistakes, proxies."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import resources
from typing import Final
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

SECRET: Final = "ada's bank card ends in 4711"  # noqa: S105 - what the attacker is after
_SESSION: Final = "session=A5xW0q9Tn3"
TICKET: Final = "B2kP7vYc41"
_LOOPBACK: Final = "127.0.0.1"
_COOKIES: Final = {"/login": "", "/login-for-frames": "; SameSite=None"}
"""How the shop logs people in. Without SameSite, Chromium keeps the cookie from other sites' pages."""


def _shown(_: ServerConnection, request: Request) -> Response | None:
    """Answer with a page, which logs ada in, unless a WebSocket is asked for."""
    if "Upgrade" in request.headers:
        return None if _lets_in(request) else Response(403, "Forbidden", Headers({"Content-Length": "0"}))
    page = (resources.files("parlour_lab.browser") / "page.html").read_bytes()
    headers = Headers({"Content-Type": "text/html", "Content-Length": str(len(page))})
    if request.path in _COOKIES:
        headers["Set-Cookie"] = f"{_SESSION}; Secure; HttpOnly{_COOKIES[request.path]}"
    return Response(HTTPStatus.OK, "OK", headers, page)


def _lets_in(request: Request) -> bool:
    where = urlsplit(request.path)
    match where.path:
        case "/by-cookie":  # MISTAKE: the browser sends the cookie, whichever page asks
            return _SESSION in request.headers.get("Cookie", "")
        case "/same-origin":
            # MISTAKE: the page's own name is compared with what the same browser says that the server is
            # called, and not with a list. Many libraries check exactly this unless they are told otherwise.
            return urlsplit(request.headers.get("Origin", "")).netloc == request.headers["Host"]
        case "/by-address":  # MISTAKE: whoever has the address has the ticket, and it works again
            return parse_qs(where.query).get("ticket") == [TICKET]
    return False


async def _tell(connection: ServerConnection) -> None:
    await connection.send(SECRET)
    await connection.wait_closed()


@asynccontextmanager
async def careless(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve pages to everyone, and a secret to whoever is let in; gives the port."""
    async with serve(_tell, _LOOPBACK, 0, ssl=context, process_request=_shown, compression=None) as server:
        yield server.sockets[0].getsockname()[1]


@dataclass
class Relay:
    """A port that passes on what it gets to another one, ``leads_to``, which may change.

    Without TLS it stands for a name in DNS, whose address its owner changes. With a context it is a proxy
    that ends TLS, and has a log as proxies have: the first line of each request.
    """

    leads_to: int
    context: ssl.SSLContext | None = None
    onwards: ssl.SSLContext | None = None
    """For the way to the server, whose name is localhost."""
    port: int = 0
    log: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Relay"]:
        """Listen on a free port of loopback until the block ends."""
        server = await asyncio.start_server(self._serve, _LOOPBACK, 0, ssl=self.context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = "localhost" if self.onwards else None
        try:
            there, onwards = await asyncio.open_connection(
                _LOOPBACK, self.leads_to, ssl=self.onwards, server_hostname=name
            )
        except OSError:
            writer.transport.abort()
            return
        if self.context is not None:
            line = await reader.readline()
            self.log.append(line.decode("latin-1").strip())
            onwards.write(line)
        with suppress(asyncio.CancelledError):  # the end of the loop
            await asyncio.gather(_pass_on(reader, onwards), _pass_on(there, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
