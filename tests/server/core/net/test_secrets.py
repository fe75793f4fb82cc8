"""K7: nothing that is logged or recorded on the way of a connection holds a ticket or a message."""

import logging
from typing import Any

CANARY = "canary in a coal mine"


async def test_secrets_in_logs(bench: Any, caplog: Any) -> None:
    """With every logger at DEBUG, neither the ticket nor a message is in the log or in the audit."""
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.server", "h11", "asyncio", "parlour.websocket"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with bench(close_seconds=0.2) as b:
        ticket = await b.ticket()
        for target in ("/v1/chat", f"/v1/chat?ticket={ticket}", f"/v1/else?ticket={ticket}"):
            wire = await b.wire()
            request = b.request(f"GET {target} HTTP/1.1", authorization=f"Bearer {ticket}")
            await wire.ask(request)
            b.give_the_next_request(0.2)
            wire.send_frame(1, CANARY.encode())
            wire.send_frame(1, b"\xff" + CANARY.encode())
            await wire.rest()
        assert b.chat.messages == [CANARY.encode()]
        everything = caplog.text + repr(b.audit.lines)
        assert ticket not in everything
        assert CANARY not in everything
