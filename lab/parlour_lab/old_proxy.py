"""A transparent proxy as many were in 2011: it reads each connection as HTTP, and knows nothing of WebSocket.

After a handshake it goes on looking for requests in what a client sends. It keeps answers for all, by the
Host that a request names, and not by the server that was asked (RFC 6455 section 10.3).
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

_LOOPBACK: Final = "127.0.0.1"
_REQUEST: Final = re.compile(
    rb"GET (\S+) HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*?Host: (\S+)\r\n(?:[^\r\n]+\r\n)*\r\n"
)
_BEGUN: Final = re.compile(rb"(?s)G(E(T( .*)?)?)?\Z")
_ANSWER: Final = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_LENGTH: Final = re.compile(rb"(?i)content-length: (\d+)")


class OldProxy:
    """The proxy: ``cache`` has what it keeps, by Host and path; ``passed`` what clients sent through it."""

    def __init__(self) -> None:
        self.cache: dict[tuple[str, str], bytes] = {}
        self.passed = b""

    @asynccontextmanager
    async def before(self, port: int) -> AsyncIterator[int]:
        """Stand before a server; gives the port at which clients reach it through the proxy."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with AsyncExitStack() as ending:
                ending.callback(writer.close)
                there, onwards = await asyncio.open_connection(_LOOPBACK, port)
                ending.callback(onwards.close)
                asked: deque[tuple[str, str]] = deque()
                with suppress(OSError, asyncio.CancelledError):  # the end of the loop
                    await asyncio.gather(
                        self._requests(reader, onwards, writer, asked), self._answers(there, writer, asked)
                    )

        server = await asyncio.start_server(serve, _LOOPBACK, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        onwards: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        asked: deque[tuple[str, str]],
    ) -> None:
        """Pass on what a client sends; a request whose answer is kept is answered here."""
        held = b""
        while data := await reader.read(65_536):
            self.passed += data
            held += data
            while found := _REQUEST.search(held):
                key = found[2].decode("latin-1"), found[1].decode("latin-1")
                if key in self.cache:
                    back.write(self.cache[key])
                else:
                    asked.append(key)
                    onwards.write(held[: found.end()])
                held = held[found.end() :]
            begun = _BEGUN.search(held)
            end = begun.start() if begun else len(held)
            onwards.write(held[:end])
            held = held[end:]
        onwards.close()

    async def _answers(
        self, there: asyncio.StreamReader, back: asyncio.StreamWriter, asked: deque[tuple[str, str]]
    ) -> None:
        """Pass on what a server sends, and keep what looks like the answer to what was asked last."""
        held = b""
        while data := await there.read(65_536):
            back.write(data)
            held += data
            while asked and (found := _ANSWER.search(held)):
                length = _LENGTH.search(found[2])
                end = found.end() + (int(length[1]) if length else 0)
                if len(held) < end:
                    break
                key = asked.popleft()
                if found[1] == b"200":
                    self.cache[key] = held[found.start() : end]
                held = held[end:]
        back.close()
