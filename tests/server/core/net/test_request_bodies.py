"""Large bodies: a cap for each operation, time in proportion, and no one who holds an answer up for ever."""

import asyncio
from typing import Any

import h11
import pytest
from tests.server.core.net.conftest import PATIENCE, SMALL_BODIES, until

from parlour_protocol.frames.wire import WIRE
from parlour_server.chat.program import CHAT
from parlour_server.core.audit import AuditEvent
from parlour_server.core.net.gate import Head, Rules, ToApi, judge
from parlour_server.core.net.websocket_handshake import Handshake

LARGE = 100_000
ID = "A" * 22

OPERATIONS = CHAT.all_operations()


def cap(method: bytes, path: bytes) -> int:
    """Let one path take more."""
    return LARGE if (method, path) == (b"POST", b"/large") else 100


async def test_a_cap_is_of_method_and_path(bench: Any) -> None:
    """K9: what one operation may take, no other may; a query changes nothing."""
    async with bench(body_cap=cap) as b:
        for line, size, status in (
            ("POST /large HTTP/1.1", LARGE, 200),
            ("POST /large?x=1 HTTP/1.1", LARGE, 200),
            ("POST /large HTTP/1.1", LARGE + 1, 413),
            ("PUT /large HTTP/1.1", LARGE, 413),
            ("POST /large/ HTTP/1.1", LARGE, 413),
            ("POST /l%61rge HTTP/1.1", LARGE, 413),
            ("POST /small HTTP/1.1", 101, 413),
            ("POST /small?/large HTTP/1.1", 101, 413),
        ):
            wire = await b.wire()
            wire.send(b.request(line, content_length=str(size), upgrade=None, connection=None))
            if status == 200:
                wire.send(b"x" * size)
            assert (await wire.answer()).status == status, line
            await wire.close()


def test_only_the_operations_of_the_table_take_more() -> None:
    """The gate asks the table that the routes are made from; every other path has the small cap."""
    large = {row.name: row for row in OPERATIONS.rows if row.cap.value > 4096}
    assert set(large) == {"put_key_packages", "commit_to_group", "upload_file", "post_by_webhook"}
    for row in OPERATIONS.rows:
        path = row.path.replace("{id}", ID).encode()
        assert OPERATIONS.body_cap(row.method.encode(), path) == row.cap.value
        assert OPERATIONS.body_cap(b"GET" if row.method != "GET" else b"POST", path) == 4096
    for path in (
        f"/v1/rooms/{ID}/files/",
        f"//v1/rooms/{ID}/files",
        f"/v1/rooms/{ID}%2Fx/files",
        "/v1/rooms//files",
        f"/v1/rooms/{ID}/x/files",
        f"/v1/rooms/{ID}/files\n",
        f"/v1/rooms/{'A' * 65}/files",
    ):
        assert OPERATIONS.body_cap(b"POST", path.encode()) == 4096


def test_without_a_table_every_body_is_small() -> None:
    """Safe by doing nothing."""
    rules = Rules(frozenset({b"h"}), frozenset(), SMALL_BODIES, Handshake(WIRE))

    def asked(size: int) -> object:
        headers = [(b"host", b"h"), (b"content-length", str(size).encode())]
        return judge(Head(b"POST", b"/v1/rooms/x/files", b"1.1", headers), rules)

    assert asked(4096) == ToApi()
    assert asked(4097) != ToApi()


async def test_a_large_body_has_time_in_proportion(bench: Any) -> None:
    """K9: an upload at the least pace is taken; one that trickles is cut off at the time for its length."""
    async with bench(body_seconds=0.1, body_bytes_per_second=1_000) as b:
        slow = await b.wire()
        began = asyncio.get_running_loop().time()
        slow.send(b.request("POST /a HTTP/1.1", content_length="2000", upgrade=None))
        slow.send(b"x" * 1999)
        assert await slow.rest() == b""
        assert asyncio.get_running_loop().time() - began >= 2
        assert b.audit.of(AuditEvent.HANDSHAKE_REFUSED)[-1]["reason"] == "too_slow"
    async with bench(body_seconds=60, body_bytes_per_second=1_000) as b:
        wire = await b.wire()
        began = asyncio.get_running_loop().time()
        wire.send(b.request("POST /a HTTP/1.1", content_length="2000", upgrade=None))
        await b.until(lambda: [http._body_size for http in b.server._http.connections] == [2000])
        [http] = b.server._http.connections
        deadline = http._deadline
        assert deadline.when() >= began + 62
        assert (await wire.ask(b"x" * 2000)).status == 200
        assert deadline.cancelled()


async def big(scope: Any, receive: Any, send: Any) -> None:
    """Answer with ten megabytes."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10000000")]})
    for _ in range(100):
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def small(scope: Any, receive: Any, send: Any) -> None:
    """Answer with fifty kilobytes."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"50000")]})
    await send({"type": "http.response.body", "body": b"x" * 50_000})


def test_who_does_not_read_an_answer_is_cut_off(every_loop: Any, bench: Any) -> None:
    """R2: a download that stands still holds a socket and a file no longer than its time."""

    async def scenario() -> None:
        async with bench(app=big, stalled_seconds=0.15) as b:
            wire = await b.wire(receive_buffer=4096)
            wire.writer.transport.pause_reading()
            wire.send(b.request("GET /a HTTP/1.1", upgrade=None, connection=None))
            await until(lambda: b.server.sockets == 1)
            await until(lambda: b.server.sockets == 0)
            assert b.audit.of(AuditEvent.HANDSHAKE_REFUSED)[-1]["reason"] == "too_slow"

    every_loop(scenario)


def test_who_reads_slowly_but_steadily_gets_all_of_it(every_loop: Any, bench: Any) -> None:
    """The deadline restarts whenever the peer reads something."""

    async def scenario() -> None:
        async with bench(app=big, stalled_seconds=PATIENCE, close_seconds=PATIENCE) as b:
            wire = await b.wire()
            wire.send(b.request("GET /a HTTP/1.1", upgrade=None, connection="close"))
            await wire.reader.readuntil(b"\r\n\r\n")
            [http] = b.server._http.connections
            deadlines: list[asyncio.TimerHandle] = []
            got = 0
            while data := await wire.reader.read(500_000):
                got += len(data)
                if http._stalled not in (None, *deadlines):
                    deadlines.append(http._stalled)
            assert got == 10_000_000
            assert len(deadlines) > 1
            assert all(deadline.cancelled() for deadline in deadlines)

    every_loop(scenario)


@pytest.mark.parametrize("connection", ["close", None])
def test_the_rest_of_an_answer_has_time_after_the_close(
    every_loop: Any, bench: Any, monkeypatch: pytest.MonkeyPatch, connection: str | None
) -> None:
    """Whoever reads the last piece only after the closing time gets it."""
    monkeypatch.setattr("parlour_server.core.net.http_connection.KEEP_ALIVE_SECONDS", 0)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with bench(
            app=big, close_seconds=0.01, body_bytes_per_second=100_000, stalled_seconds=PATIENCE
        ) as b:
            wire = await b.wire(receive_buffer=4096)
            wire.send(b.request("GET /a HTTP/1.1", upgrade=None, connection=connection))
            head = await wire.reader.readuntil(b"\r\n\r\n")
            [http] = b.server._http.connections
            got = 0
            while http._abort is None:  # until its last piece is written
                got += len(await wire.reader.read(100_000))
            closed = loop.time()
            await until(lambda: loop.time() > closed + 0.1)
            while data := await wire.reader.read(500_000):
                got += len(data)
            assert (head[:12], got) == (b"HTTP/1.1 200", 10_000_000)

    every_loop(scenario)


def test_the_time_for_the_rest_of_an_answer_is_limited(every_loop: Any, bench: Any) -> None:
    """S2: at a byte a second it would be hours; whoever reads nothing gets no longer than in a pause."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with bench(app=small, close_seconds=2, body_bytes_per_second=1, stalled_seconds=20) as b:
            wire = await b.wire()
            await until(lambda: b.server._http.connections)
            [http] = b.server._http.connections
            wire.send(b.request("GET /a HTTP/1.1", upgrade=None, connection="close"))
            await until(lambda: http._abort is not None)
            assert http._abort.when() - loop.time() < 22.1  # as floats are

    every_loop(scenario)


async def test_a_body_that_looks_like_a_handshake(bench: Any) -> None:
    """L18: what is replaced in a head is left as it is in a body."""
    body = b"GET /v1/chat HTTP/1.1\r\nAuthorization: Bearer " + b"t" * 43 + b"\r\n"
    async with bench() as b:
        wire = await b.wire()
        size = str(len(body))
        wire.send(b.request("POST /a HTTP/1.1", content_length=size, upgrade=None, connection=None))
        served = b.server._http.connections
        await b.until(lambda: [http._http.their_state for http in served] == [h11.SEND_BODY])
        assert (await wire.ask(body)).body == b"/a " + body
