"""What an idle connection keeps in memory."""

import gc
from collections import Counter
from typing import Any


async def test_an_open_connection_keeps_nothing_of_its_handshake(bench: Any) -> None:
    """The HTTP parser, its state and the handshake's task are gone once the WebSocket is open."""
    async with bench() as b:
        for _ in range(5):
            await b.chatting()
        gc.collect()
        kinds = Counter(type(thing).__name__ for thing in gc.get_objects())
        assert kinds["Connection"] >= 5
        for kind in ("HttpConnection", "FlowControl", "Redeem"):
            assert kinds[kind] == 0, kind
