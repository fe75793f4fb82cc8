"""RFC 6455 on the wire: what a peer may not send, and how it ends."""

import struct
import time
from typing import Any

import pytest

from parlour_protocol.kit.limits import REQUEST_FRAME
from parlour_server.core.net.message_assembler import MAX_CONTROLS, MAX_FRAGMENTS


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param({"opcode": 1, "payload": b"hi", "mask": False}, 1002, id="F1 cache poisoning: unmasked"),
        pytest.param({"opcode": 1, "payload": b"\xff\xfe"}, 1007, id="F3 bad UTF-8"),
        pytest.param({"opcode": 1, "payload": b"\xed\xa0\x80"}, 1007, id="F3 a lone surrogate"),
        pytest.param({"opcode": 8, "payload": b"\x03\xe8\xff"}, 1007, id="F3 a bad close reason"),
        pytest.param({"opcode": 8, "payload": b"\x03"}, 1002, id="a close code of one byte"),
        pytest.param({"opcode": 2, "payload": b"hi"}, 1003, id="binary"),
        pytest.param({"opcode": 2, "payload": b"hi", "fin": False}, 1003, id="binary, fragmented"),
        pytest.param({"opcode": 1, "payload": b"hi", "rsv": 0x40}, 1002, id="F5 compressed"),
        pytest.param({"opcode": 3}, 1002, id="an unknown opcode"),
        pytest.param({"opcode": 9, "payload": b"x" * 126}, 1002, id="a long ping"),
        pytest.param({"opcode": 9, "fin": False}, 1002, id="a fragmented ping"),
        pytest.param({"opcode": 0, "payload": b"x"}, 1002, id="a continuation of nothing"),
        pytest.param({"opcode": 1, "payload": b"x" * (REQUEST_FRAME.value + 1)}, 1009, id="F4 too big"),
    ],
)
async def test_a_frame_that_ends_the_connection(bench: Any, frame: dict[str, Any], code: int) -> None:
    """The peer gets the reason, the socket is closed, and nothing of the frame reaches the chat."""
    async with bench() as b:
        wire = await b.chatting()
        wire.send_frame(**frame)
        assert await wire.close_code() == code
        assert await wire.rest() == b""
        assert b.chat.messages == []
        await b.until(lambda: b.server.sockets == 0)


async def test_a_message_of_the_largest_size(bench: Any) -> None:
    """F4: at the limit a message passes."""
    async with bench() as b:
        wire = await b.chatting()
        wire.send_frame(1, b"x" * REQUEST_FRAME.value)
        assert await wire.frame() == (1, b"x" * REQUEST_FRAME.value)


async def test_a_declared_size_is_refused_by_the_header(bench: Any) -> None:
    """F4: 2**62 bytes are not waited for."""
    async with bench() as b:
        wire = await b.chatting()
        wire.send(struct.pack("!BBQ", 0x81, 0xFF, 2**62))
        assert await wire.close_code() == 1009


async def test_a_message_in_fragments(bench: Any) -> None:
    """At the limit of fragments a message is put together; a character may be split between two."""
    async with bench() as b:
        wire = await b.chatting()
        text = "é".encode() * (MAX_FRAGMENTS // 2)
        pieces = [text[i : i + 1] for i in range(MAX_FRAGMENTS)]
        wire.send_frame(1, pieces[0], fin=False)
        for piece in pieces[1:-1]:
            wire.send_frame(0, piece, fin=False)
        wire.send_frame(0, pieces[-1])
        assert await wire.frame() == (1, text)


@pytest.mark.parametrize("payload", [b"", b"x"])
async def test_a_flood_of_fragments(bench: Any, payload: bytes) -> None:
    """F7: empty or tiny fragments beyond the limit end the connection."""
    async with bench() as b:
        wire = await b.chatting()
        wire.send_frame(1, payload, fin=False)
        for _ in range(MAX_FRAGMENTS):
            wire.send_frame(0, payload, fin=False)
        assert await wire.close_code() == 1009


async def test_fragments_that_are_too_big_together(bench: Any) -> None:
    """F4, F7: the limit on a message is a limit on the sum of its fragments."""
    async with bench() as b:
        wire = await b.chatting()
        wire.send_frame(1, b"x" * REQUEST_FRAME.value, fin=False)
        wire.send_frame(0, b"x")
        assert await wire.close_code() == 1009


async def test_a_flood_of_pings(bench: Any) -> None:
    """F6: pings cost us more than the peer, so few are answered and then the connection ends."""
    async with bench() as b:
        wire, other = await b.chatting(), await b.chatting()
        for _ in range(20_000):
            wire.send(b"\x89\x80abcd")
        started = time.process_time()  # of this process, whatever else the machine does
        other.send_frame(1, b"still here?")
        assert await other.frame() == (1, b"still here?")
        assert time.process_time() - started < 1
        pongs = 0
        while (opcode := (await wire.frame())[0]) != 8:
            pongs += opcode == 10
        assert pongs < 2000
        assert b.chat.messages == [b"still here?"]


async def test_pings_within_bounds_are_answered(bench: Any) -> None:
    """A ping is answered with its payload (RFC 6455 section 5.5.2)."""
    async with bench() as b:
        wire = await b.chatting()
        for number in range(MAX_CONTROLS):
            wire.send_frame(9, b"%d" % number)
            assert await wire.frame() == (10, b"%d" % number)


async def test_control_frames_are_counted_between_our_pings(bench: Any) -> None:
    """F6: a client that pings all day, within bounds, stays."""
    async with bench(ping_seconds=0.05) as b:
        wire = await b.chatting()
        for _ in range(3):
            while (await wire.frame())[0] != 9:
                pass
            wire.send_frame(10)
            for _ in range(MAX_CONTROLS // 2):
                wire.send_frame(9, b"?")
        wire.send_frame(1, b"still here")
        while (frame := await wire.frame())[0] != 1:
            assert frame[0] in {9, 10}
        assert frame == (1, b"still here")


async def test_the_peers_close_is_echoed(bench: Any) -> None:
    """RFC 6455 section 5.5.1: a close is answered with its code; messages after it are not looked at."""
    async with bench() as b:
        wire = await b.chatting()
        wire.send_frame(8, b"\x0f\xa0bye")
        wire.send_frame(1, b"one more thing")
        assert await wire.frame() == (8, b"\x0f\xa0bye")
        assert await wire.rest() == b""
        assert b.chat.messages == []


async def test_a_tcp_close_without_a_word(bench: Any) -> None:
    """A connection that just breaks is forgotten like any other."""
    async with bench() as b:
        wire = await b.chatting()
        await wire.close()
        await b.until(lambda: b.chat.closed_peers)
        assert b.server.connections == b.server.sockets == 0
