"""One port for HTTPS and the chat, as the real server has it: both on one connection if the client likes.

A chat connection is handed on to a WebSocket server of its own, on a socket of the file system; everything
else is answered here by a function.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.typing import Subprotocol

from parlour_protocol.frames.wire import CHAT_PATH, SUBPROTOCOL

Answer = Callable[[str, str, bytes], Awaitable[tuple[HTTPStatus, bytes]]]
"""Takes a method, a path and a body; returns a status and JSON."""
Converse = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def serving(
    folder: Path, context: ssl.SSLContext, answer: Answer, converse: Converse
) -> AsyncIterator[int]:
    """Serve on a free port of loopback, and give the port."""
    path = str(folder / "chat.sock")
    chat = await unix_serve(
        converse, path, compression=None, max_size=None, ping_interval=None,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
    )  # fmt: skip

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, target, _ = head.decode("latin-1").split(" ", 2)
                if target == CHAT_PATH:
                    await _hand_on(path, head, reader, writer)
                    break
                status, data = await answer(method, target, await reader.readexactly(_length(head)))
                fields = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
                writer.write(f"HTTP/1.1 {status} -\r\n{fields}".encode() + data)
                await writer.drain()
        writer.close()

    front = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=context)
    try:
        yield front.sockets[0].getsockname()[1]
    finally:
        front.close()
        chat.close(close_connections=True)
        await chat.wait_closed()


async def _hand_on(
    path: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    back, forth = await asyncio.open_unix_connection(path)
    forth.write(head)
    await asyncio.wait(
        [asyncio.ensure_future(_pump(reader, forth)), asyncio.ensure_future(_pump(back, writer))]
    )


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def _length(head: bytes) -> int:
    lines = head.decode("latin-1").lower().split("\r\n")
    return next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
