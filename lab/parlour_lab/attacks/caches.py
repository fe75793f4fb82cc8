"""Group F: what is on the way between a client and a server, and keeps answers for everyone."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.old_proxy import OldProxy

_LIBRARY: Final = b"// the library that every page loads"
_CHOSEN: Final = b"// what the attacker chose"
_REQUEST: Final = "GET /library.js HTTP/1.1\r\nHost: cdn.example\r\n\r\n"
_LOOPBACK: Final = "127.0.0.1"
_HEAD: Final = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=31536000\r\nContent-Length: %d\r\n\r\n"
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SECONDS: Final = 10

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@attack(
    "Through an old proxy, a page sends its own server a message that reads like a request to another server",
    expects="The proxy finds no request in the message: someone else still gets the real file.",
    stage=Stage.NOTHING,
)
def poisoned_cache(_: Path, seen: Evidence) -> bool:
    return asyncio.run(_poisoned_cache(seen))


async def _poisoned_cache(seen: Evidence) -> bool:
    proxy = OldProxy()
    async with asyncio.timeout(_SECONDS), _serving(_attacker) as hostile, _serving(_cdn) as cdn:
        async with proxy.before(hostile) as port:
            seen.sent(f"a page's client, to the attacker's server: {_REQUEST!r} as a message")
            with suppress(WebSocketException):  # an answer of HTTP is no frame
                async with connect(f"ws://{_LOOPBACK}:{port}/", proxy=None, compression=None) as socket:
                    await socket.send(f"\r\n{_REQUEST}")
                    await socket.recv()
        seen.observed(b"what the proxy saw of it: " + proxy.passed.partition(b"\r\n\r\n")[2])
        async with proxy.before(cdn) as port:
            got = await _fetched(port)
    seen.sent(f"someone else, through the same proxy: {_REQUEST!r}")
    seen.received(got)
    return got == _LIBRARY


async def _fetched(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(_LOOPBACK, port)
    try:
        writer.write(_REQUEST.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
    finally:
        writer.close()


@asynccontextmanager
async def _serving(answer: Serve) -> AsyncIterator[int]:
    server = await asyncio.start_server(answer, _LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _attacker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept a WebSocket, and answer what comes as if it were a request of HTTP."""
    head = await reader.readuntil(b"\r\n\r\n")
    if (key := re.search(rb"(?i)sec-websocket-key: (\S+)", head)) is None:
        return
    accept = base64.b64encode(hashlib.sha1(key[1] + _GUID, usedforsecurity=False).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    await reader.read(4096)
    writer.write(_HEAD % len(_CHOSEN) + _CHOSEN)
    writer.close()


async def _cdn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_HEAD % len(_LIBRARY) + _LIBRARY)
    writer.close()
