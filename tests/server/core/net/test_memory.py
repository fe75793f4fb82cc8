"""What a connection keeps in memory while it is idle, and what it leaves when it is gone."""

import asyncio
import gc
import socket
import ssl
from collections import Counter
from contextlib import suppress
from typing import Any

from tests.server.core.net.conftest import PATIENCE


async def test_an_open_connection_keeps_nothing_of_its_handshake(bench: Any) -> None:
    """The HTTP parser, its state and the handshake's task are gone once the WebSocket is open."""
    async with bench() as b:
        for _ in range(5):
            await b.chatting()
        gc.collect()
        kinds = Counter(type(thing).__name__ for thing in gc.get_objects())
        assert kinds["WebSocketConnection"] >= 5
        for kind in ("HttpConnection", "_Exchange", "Redeem"):
            assert kinds[kind] == 0, kind


def ours(kinds: Counter[str]) -> Counter[str]:
    """Return the counts of what belongs to one connection: ours, the parsers', the TLS engines'."""
    owners = ("parlour_server.core.net", "parlour_server.chat", "h11.", "websockets.")
    engines = ("aiofastnet.ssl_", "uvloop.loop.SSL", "asyncio.sslproto.", "_ssl.", "ssl.SSLObject")
    return Counter({kind: count for kind, count in kinds.items() if kind.startswith(owners + engines)})


def alive() -> Counter[str]:
    """Count the objects that the garbage collector knows, by type."""
    types = (type(thing) for thing in gc.get_objects())
    return Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in types)


class Visitor:
    """A client with blocking sockets, so that no object of it is mistaken for one of the server."""

    def __init__(self, b: Any, ticket: str) -> None:
        """Prepare the visits; one of them redeems ``ticket``."""
        self._address = ("127.0.0.1", b.port)
        self._context = b.pair.trusting_context()
        self._handshake = b.request(authorization=f"Bearer {ticket}")
        self._ask = b.request("GET /a HTTP/1.1", upgrade=None, connection=None)
        self._refused = b.request("GET /v1/chat HTTP/1.1", authorization="Bearer nothing")

    def visit(self) -> None:
        """Come and go in every way once: chat, API, refusal, no HTTP, no TLS, nothing at all."""
        for first in (self._handshake, self._ask, self._refused, b"\r\n\r\n\r\n", b""):
            with self._tls() as tls:
                tls.sendall(first)
                if first:
                    assert tls.recv(4096)
        with self._tls() as tls:
            tls.sendall(self._ask)
            tls.recv(4096)
            tls.sendall(self._ask)  # asks and does not wait
        with socket.create_connection(self._address) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(ConnectionError):
                plain.recv(4096)
        socket.create_connection(self._address).close()

    def _tls(self) -> ssl.SSLSocket:
        raw = socket.create_connection(self._address, PATIENCE)
        return self._context.wrap_socket(raw, server_hostname="localhost")


def test_connections_that_are_gone_leave_nothing_for_the_garbage_collector(
    every_loop: Any, bench: Any
) -> None:
    """A connection in a reference cycle keeps its TLS engine until a full collection, perhaps for minutes."""

    async def scenario() -> None:
        async with bench() as b:

            async def visit() -> None:
                visitor = Visitor(b, await b.ticket())
                await asyncio.to_thread(visitor.visit)
                await b.until(lambda: b.server.sockets == 0)
                b.chat.peers.clear()
                b.chat.closed_peers.clear()
                b.audit.lines.clear()

            await visit()  # what is made once and kept
            gc.collect()
            gc.disable()
            try:
                before = ours(alive())
                for _ in range(10):
                    await visit()
                with suppress(TimeoutError):
                    await b.until(lambda: not ours(alive()) - before)
                left = dict(ours(alive()) - before)
                assert not left
            finally:
                gc.enable()

    every_loop(scenario)
