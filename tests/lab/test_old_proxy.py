"""The proxy that takes frames for requests: what a frame must be for it to do so."""

import asyncio

from parlour_lab.old_proxy import OldProxy
from parlour_lab.wire import frame

PATH = b"GET /library.js HTTP/1.1\r\nHost: cdn.example\r\n\r\n"
HANDSHAKE = b"GET / HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nchosen"


async def sent(data: bytes) -> tuple[OldProxy, bytes]:
    """Send bytes after a handshake to a server that answers with a file; return what came back, too."""
    proxy, begun = OldProxy(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(HANDSHAKE))
        writer.write(SWITCHED)
        await reader.readexactly(4)  # what the proxy can't hold back: `GET` may begin behind it
        begun.set()
        await reader.readexactly(len(data) - 4)
        writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with asyncio.timeout(10), proxy.before(server.sockets[0].getsockname()[1]) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        await reader.readexactly(len(SWITCHED))
        writer.write(data[:7])  # in two parts, as a network may
        await begun.wait()
        writer.write(data[7:])
        back = await reader.read()
        writer.close()
    server.close()
    return proxy, back


async def test_a_frame_without_a_mask_is_a_request() -> None:
    """Its answer is kept under the name that the frame says, for everyone."""
    proxy, back = await sent(frame(1, b"\r\n" + PATH, mask=False))
    assert proxy.cache == {("cdn.example", "/library.js"): ANSWER}
    assert back == ANSWER


async def test_a_frame_with_a_mask_is_none() -> None:
    """It is passed on as it is, both ways, and nothing is kept."""
    payload = bytes(byte ^ b"\x81\x02\x83\x04"[at % 4] for at, byte in enumerate(b"\r\n" + PATH))
    data = frame(1, payload)[:2] + b"\x81\x02\x83\x04" + payload
    proxy, back = await sent(data)
    assert proxy.cache == {}
    assert proxy.passed == HANDSHAKE + data
    assert back == ANSWER


async def test_a_mask_that_can_be_guessed_is_a_request_again() -> None:
    """RFC 6455 section 5.3: with a key that the sender of the text knows, the text can say anything."""
    proxy, _ = await sent(frame(1, b"\r\n" + PATH))  # a key of four zeros
    assert proxy.cache == {("cdn.example", "/library.js"): ANSWER}
