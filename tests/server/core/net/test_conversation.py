"""A whole connection, on every event loop: TLS, handshake, messages, end."""

from typing import Any


def test_a_conversation_from_the_handshake_to_the_close(every_loop: Any, bench: Any) -> None:
    """A client with a ticket is greeted, gets its message back, and its close is answered."""

    async def scenario() -> None:
        async with bench() as b:
            wire = await b.chatting()
            wire.send_frame(1, b"how do you do")
            assert await wire.frame() == (1, b"how do you do")
            assert b.server.connections == 1
            wire.send_frame(8, b"\x03\xe8")
            assert await wire.close_code() == 1000
            assert await wire.rest() == b""
            await b.until(lambda: b.server.sockets == 0)
            assert b.server.connections == 0
            assert len(b.chat.closed_peers) == 1

    every_loop(scenario)
