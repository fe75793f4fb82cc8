"""HTTP as the API gets it, and what never reaches the API."""

import asyncio
from typing import Any

import pytest
from tests.server.core.net.conftest import PATIENCE

from parlour_server.core.audit import AuditEvent


async def test_requests_reach_the_api_one_after_the_other(bench: Any) -> None:
    """A connection is kept for the next request, after the first was answered."""
    async with bench() as b:
        wire = await b.wire()
        plain: dict[str, Any] = {"connection": None, "upgrade": None}
        first = await wire.ask(b.request("POST /v1/one HTTP/1.1", content_length="2", **plain) + b"hi")
        second = await wire.ask(b.request("GET /v1/two HTTP/1.1", **plain))
        assert (first.status, first.body) == (200, b"/v1/one hi")
        assert (second.status, second.body) == (200, b"/v1/two ")


PLAIN: dict[str, Any] = {"connection": None, "upgrade": None}


async def test_a_client_that_expects_100_continue(bench: Any) -> None:
    """RFC 9110 section 10.1.1: `100 Continue` is sent once the head has passed the gate, not before."""
    async with bench() as b:
        wire = await b.wire()
        line = "POST /a HTTP/1.1"
        assert (
            await wire.ask(b.request(line, content_length="2", expect="100-continue", **PLAIN))
        ).status == 100
        assert (await wire.ask(b"hi")).body == b"/a hi"
        wire = await b.wire()
        wire.send(b.request(line, content_length="9999", expect="100-continue", **PLAIN))
        assert (await wire.rest()).startswith(b"HTTP/1.1 413 ")


async def test_the_answer_to_head_has_no_body(bench: Any) -> None:
    """RFC 9110 section 9.3.2: its length is that of the body, and the connection goes on."""
    async with bench() as b:
        wire = await b.wire()
        wire.send(b.request("HEAD /a HTTP/1.1", **PLAIN) + b"")
        assert b"content-length: 3\r\n" in (await wire.reader.readuntil(b"\r\n\r\n")).lower()
        assert (await wire.ask(b.request("GET /b HTTP/1.1", **PLAIN))).body == b"/b "


async def test_connection_close_is_obeyed(bench: Any) -> None:
    """The answer says so too, and nothing comes after it."""
    async with bench() as b:
        wire = await b.wire()
        answer = await wire.ask(b.request("GET /a HTTP/1.1", connection="close", upgrade=None))
        assert answer.headers["connection"] == "close"
        assert await wire.rest() == b""


async def test_a_connection_that_asks_no_more_is_closed(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two requests a connection may be idle for a few seconds."""
    monkeypatch.setattr("parlour_server.core.net.http_connection.KEEP_ALIVE_SECONDS", 0.05)
    async with bench() as b:
        wire = await b.wire()
        assert (await wire.ask(b.request("GET /a HTTP/1.1", **PLAIN))).status == 200
        assert await wire.rest() == b""


async def test_an_application_that_fails_ends_its_own_connection(bench: Any) -> None:
    """Before its answer or in the middle of it: the peer sees the end, others notice nothing."""

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        del receive
        if scope["path"] == "/late":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"some", "more_body": True})
        if scope["path"] != "/silent":
            raise ValueError

    async with bench(app=failing) as b:
        for path, seen in (("early", b""), ("late", b"some"), ("silent", b"")):
            wire = await b.wire()
            wire.send(b.request(f"GET /{path} HTTP/1.1", **PLAIN))
            assert (await wire.rest()).endswith(seen)
        await b.until(lambda: b.server.sockets == 0)


async def test_an_application_is_notified_that_its_peer_disconnected(bench: Any) -> None:
    """Whether it waits for the rest of the body or for an answer to be taken."""
    seen = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        del scope, send
        while (await receive())["type"] != "http.disconnect":
            pass
        seen.set()

    async with bench(app=waiting) as b:
        wire = await b.wire()
        wire.send(b.request("POST /a HTTP/1.1", content_length="9", **PLAIN))
        await b.until(lambda: b.server._http.tasks)
        await wire.close()
        async with asyncio.timeout(PATIENCE):
            await seen.wait()


async def test_a_pipelined_request_is_never_processed(bench: Any) -> None:
    """H9: of two requests sent together the first is answered, then the connection is closed."""
    async with bench() as b:
        wire = await b.wire()
        plain: dict[str, Any] = {"connection": None, "upgrade": None}
        wire.send(b.request("GET /one HTTP/1.1", **plain) + b.request("GET /two HTTP/1.1", **plain))
        assert (await wire.answer()).status == 200
        wire.send(b"\r\n")  # whoever kept the second would look at it now
        assert await wire.rest() == b""


async def test_an_answer_before_the_whole_body_closes(bench: Any) -> None:
    """H9: bytes that were still to come as a body are never taken for a request."""

    async def impatient(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with bench(app=impatient) as b:
        wire = await b.wire()
        wire.send(b.request("POST /one HTTP/1.1", content_length="500", upgrade=None, connection=None))
        assert (await wire.answer()).status == 204
        wire.send(b.request("GET /two HTTP/1.1", upgrade=None, connection=None))
        assert await wire.rest() == b""


async def test_smuggling(bench: Any) -> None:
    """H9: a length and chunks together, or a bare line feed, reach no API."""
    async with bench() as b:
        for request, status in (
            (b.request("POST /a HTTP/1.1", content_length="3", transfer_encoding="chunked"), 411),
            (b.request("POST /a HTTP/1.1", transfer_encoding="chunked"), 411),
            (b.request("GET /a HTTP/1.0"), 505),
            (b.request("GET /a HTTP/1.1", host=None), 400),
            (b.request("GET /a HTTP/1.1", x_y="a\rb"), 400),
            (b.request("GET https://evil/a HTTP/1.1"), 400),
        ):
            wire = await b.wire()
            wire.send(request + b"0\r\n\r\nGET /two HTTP/1.1\r\n\r\n")
            assert (await wire.answer()).status == status
            assert await wire.rest() == b""


async def test_a_body_bomb_is_refused_at_once(bench: Any) -> None:
    """K9: a body that is announced as too large is not waited for."""
    async with bench() as b:
        wire = await b.wire()
        assert (await wire.ask(b.request("POST /a HTTP/1.1", content_length="10000000000"))).status == 413


async def test_wrong_host_and_origin_at_the_api(bench: Any) -> None:
    """H3, K8: the API is behind the same gate."""
    async with bench() as b:
        wire = await b.wire()
        assert (await wire.ask(b.request("GET /a HTTP/1.1", host="evil"))).status == 421
        wire = await b.wire()
        assert (await wire.ask(b.request("GET /a HTTP/1.1", origin="https://evil"))).status == 403


async def test_strangers_cause_only_audit_lines(bench: Any, caplog: Any) -> None:
    """R6: two hundred bad requests are in the audit log (in bounds), and no library writes a line."""
    caplog.set_level(0)
    async with bench(per_address=1000, total=1000) as b:
        for _ in range(200):
            wire = await b.wire()
            wire.send(b"GET /x\r\n\r\n" * 2)
            assert (await wire.answer()).status == 400
            await wire.close()
        assert {event for event, _ in b.audit.lines} == {AuditEvent.HANDSHAKE_REFUSED}
        assert "Traceback" not in caplog.text
        libraries = ("h11", "starlette", "parlour")
        assert not [record for record in caplog.records if record.name.startswith(libraries)]
