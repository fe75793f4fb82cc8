"""A TCP proxy between two parts of a cluster, which cuts, delays, half-opens and reorders.

Bytes of one connection keep their order, as TCP promises; connections overtake each other when each is
delayed by another time.
"""

import asyncio
from contextlib import suppress
from random import Random
from typing import Final, Self

_CHUNK: Final = 65_536
_MOST_WAITING: Final = 64
"""Chunks that are on their way in one direction: behind them the sender has to wait."""


class Proxy:
    """Forwards `127.0.0.1:port` to ``target``, a port of this machine."""

    def __init__(self, target: int, chance: Random) -> None:
        """``chance`` varies the delays of the connections."""
        self.port = 0
        self._target = target
        self._chance = chance
        self._delay = 0.0
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._copying: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        self.cut()
        self._flows.set()
        for task in self._copying:
            task.cancel()
        await asyncio.gather(*self._copying, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection, and each new one at once."""
        self._is_cut = True
        for writer in tuple(self._open):
            writer.transport.abort()

    def break_once(self) -> None:
        """Break every connection; new ones work."""
        self.cut()
        self._is_cut = False

    def delay(self, seconds: float) -> None:
        """Let everything arrive late, by up to so much, other for each connection and direction."""
        self._delay = seconds

    def half_open(self) -> None:
        """Let nothing through and break nothing: neither end hears that the other is gone."""
        self._flows.clear()

    def mend(self) -> None:
        """Let everything through again. What was held up arrives late."""
        self._is_cut = False
        self._delay = 0.0
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, there[1])
        self._open.update(ends)
        both = [
            asyncio.ensure_future(self._forward(reader, there[1])),
            asyncio.ensure_future(self._forward(there[0], writer)),
        ]
        self._copying.update(both)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            self._copying.difference_update(both)
            self._open.difference_update(ends)
            for end in ends:
                end.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        share = self._chance.random()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_WAITING)

        async def deliver() -> None:
            while True:
                due, data = await waiting.get()
                if (early := due - loop.time()) > 0:
                    await asyncio.sleep(early)
                await self._flows.wait()
                if not data:
                    return
                writer.write(data)
                await writer.drain()

        delivering = asyncio.ensure_future(deliver())
        try:
            with suppress(OSError):
                while data := await reader.read(_CHUNK):
                    await waiting.put((loop.time() + self._delay * share, data))
            await waiting.put((loop.time(), b""))
            with suppress(OSError):
                await delivering
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
