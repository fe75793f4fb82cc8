"""A body that is larger than what is read ahead: the application takes it piece by piece, on every loop."""

import asyncio
import socket
from typing import Any

from tests.server.core.net.conftest import PATIENCE

SIZES = (70_000, 300_001, 999_999, 1_000_000, 1_048_576, 3_000_000)


async def slowly(scope: Any, receive: Any, send: Any) -> None:
    """Count the bytes of a body, with a pause after each piece: reading is stopped and begun again."""
    del scope
    size, more = 0, True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        size += len(message["body"])
        more = message["more_body"]
        await asyncio.to_thread(len, message["body"])
    answer = str(size).encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def upload(b: Any, size: int) -> bytes:
    """Send all of a body at once, from another thread, and read the answer."""
    head = b.request("POST /a HTTP/1.1", content_length=str(size), upgrade=None, connection="close")
    with (
        socket.create_connection(("127.0.0.1", b.port), PATIENCE) as raw,
        b.pair.trusting_context().wrap_socket(raw, server_hostname="localhost") as wire,
    ):
        wire.sendall(head + b"x" * size)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


def test_a_large_body_arrives_whole(every_loop: Any, bench: Any) -> None:
    """What came before reading was stopped is read when it goes on, also if nothing more comes.

    Else the end of an upload stays where TLS has decrypted it, and the upload waits for its deadline.
    """

    async def scenario() -> None:
        async with bench(app=slowly, body_cap=lambda _method, _path: max(SIZES)) as b:
            for size in SIZES:
                answer = await asyncio.to_thread(upload, b, size)
                assert answer.endswith(b"\r\n\r\n" + str(size).encode()), size

    every_loop(scenario)
