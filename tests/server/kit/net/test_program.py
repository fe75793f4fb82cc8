"""A program over TLS, through the connection service: what it does not say holds for it, too."""

import json
from typing import Any

from tests.server.kit.connections.toy import world

from parlour_protocol.kit.ids import SessionId
from parlour_server.kit.bus.bus import SessionsEnded
from parlour_server.kit.config.server_settings import Rates
from parlour_server.kit.store.records import SessionEnded


async def read(wire: Any) -> dict[str, Any]:
    """Read one text frame."""
    opcode, payload = await wire.frame()
    assert opcode == 1
    frame: dict[str, Any] = json.loads(payload)
    return frame


async def talking(b: Any, session: str) -> Any:
    """Open a WebSocket and take the greeting."""
    wire = await b.wire()
    ticket = await b.ticket(session=session)
    assert (await wire.ask(b.request(authorization=f"Bearer {ticket}"))).status == 101
    assert (await read(wire))["session"] == session
    return wire


def say(number: int) -> bytes:
    """Return a request."""
    return json.dumps({"type": "say", "id": str(number) * 22}).encode()


async def test_a_program_that_says_nothing_about_floods_errors_or_sessions(bench: Any) -> None:
    """R1, R4, S1: over its sockets."""

    def handle(*_: object) -> None:
        raise ValueError("broken")

    async with world(Rates(message_burst=2)) as w, bench(service=w.service) as b:
        first, second = await talking(b, "a" * 22), await talking(b, "b" * 22)
        first.send_frame(1, say(1))
        assert await read(first) == {"type": "ok", "re": "1" * 22}
        w.toy.on_request = handle
        first.send_frame(1, say(2))
        assert (await read(first))["code"] == "unavailable"
        first.send_frame(1, say(3))
        assert (await read(first))["code"] == "rate_limited"
        w.bus.publish(SessionsEnded(frozenset({SessionId("a" * 22)})))
        assert await first.close_code() == 4001
        w.service.journal(SessionEnded(SessionId("b" * 22), w.toy.peers[0].user))
        assert await second.close_code() == 4001
        for wire in (first, second):
            await wire.close()
        await b.until(lambda: b.server.connections == 0)
        assert not w.connected.all_connections()
