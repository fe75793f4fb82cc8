"""Slowloris: deadlines in total, before TLS, in the head, in the body; on every event loop."""

import asyncio
from typing import Any

from tests.server.core.net.conftest import PATIENCE

from parlour_server.core.audit import AuditEvent


def test_a_silent_socket(every_loop: Any, bench: Any) -> None:
    """H5: a socket that never begins TLS is closed by the TLS deadline."""

    async def scenario() -> None:
        async with bench(tls_seconds=0.1) as b:
            wire = await b.plain()
            assert await wire.rest() == b""
            await b.until(lambda: b.server.sockets == 0)
            assert b.audit.of(AuditEvent.HANDSHAKE_REFUSED)[0]["reason"] == "tls"

    every_loop(scenario)


def test_plaintext(every_loop: Any, bench: Any) -> None:
    """T1: HTTP without TLS gets no HTTP."""

    async def scenario() -> None:
        async with bench() as b:
            wire = await b.plain()
            wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP" not in await wire.rest()
            await b.until(lambda: b.server.sockets == 0)

    every_loop(scenario)


def test_silence_after_tls(every_loop: Any, bench: Any) -> None:
    """H5: a client that says nothing after its TLS handshake is closed by the request's deadline."""

    async def scenario() -> None:
        async with bench(request_seconds=0.1) as b:
            wire = await b.wire()
            assert await wire.rest() == b""
            await b.until(lambda: b.server.sockets == 0)

    every_loop(scenario)


async def trickle(wire: Any, data: bytes, seconds: float) -> int:
    """Send a byte at a time, over longer than any deadline; return how many went out before the close."""
    step = seconds / len(data)
    for sent, byte in enumerate(data):
        if wire.reader.at_eof() or wire.writer.transport.is_closing():
            return sent
        wire.send(bytes((byte,)))
        await asyncio.sleep(step)
    return len(data)


async def test_a_head_that_trickles(bench: Any) -> None:
    """H5: another byte does not buy more time."""
    async with bench(request_seconds=0.15) as b:
        wire = await b.wire()
        assert await trickle(wire, b"GET /v1/chat HTTP/1.1\r\nX: " + b"x" * 34, 1.0) < 30
        assert b.audit.of(AuditEvent.HANDSHAKE_REFUSED)[0]["reason"] == "too_slow"


async def test_a_second_head_that_trickles(bench: Any) -> None:
    """H5: the deadline holds for every request of a connection, not only for the first."""
    async with bench(request_seconds=PATIENCE) as b:
        wire = await b.wire()
        assert (await wire.ask(b.request("GET /a HTTP/1.1", upgrade=None, connection=None))).status == 200
        b.give_the_next_request(0.15)
        assert await trickle(wire, b"GET /v1/chat HTTP/1.1\r\nX: " + b"x" * 34, 1.0) < 30


async def test_a_body_that_trickles(bench: Any) -> None:
    """K9: a body has its own deadline, which another byte does not move."""
    async with bench(body_seconds=0.15) as b:
        wire = await b.wire()
        wire.send(b.request("POST /a HTTP/1.1", content_length="4000", upgrade=None))
        assert await trickle(wire, b"x" * 60, 1.0) < 30
        await b.until(lambda: b.server.sockets == 0)


async def test_a_request_in_time_has_no_deadline_for_its_answer(bench: Any) -> None:
    """The deadlines are the client's: the API may take longer to answer."""
    running: list[asyncio.TimerHandle | None] = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        running.extend(http._deadline for http in b.server._http.connections)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with bench(app=look) as b:
        wire = await b.wire()
        await b.until(lambda: [http._deadline is not None for http in b.server._http.connections] == [True])
        assert (await wire.ask(b.request("GET /a HTTP/1.1", upgrade=None))).status == 204
        assert running == [None]
