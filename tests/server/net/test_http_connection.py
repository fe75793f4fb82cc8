"""HTTP as the API gets it, and what never reaches the API."""

from typing import Any

from parlour_server.audit import AuditEvent


async def test_requests_reach_the_api_one_after_the_other(bench: Any) -> None:
    """A connection is kept for the next request, after the first was answered."""
    async with bench() as b:
        wire = await b.wire()
        plain: dict[str, Any] = {"connection": None, "upgrade": None}
        first = await wire.ask(b.request("POST /v1/one HTTP/1.1", content_length="2", **plain) + b"hi")
        second = await wire.ask(b.request("GET /v1/two HTTP/1.1", **plain))
        assert (first.status, first.body) == (200, b"/v1/one hi")
        assert (second.status, second.body) == (200, b"/v1/two ")


async def test_a_pipelined_request_is_never_processed(bench: Any) -> None:
    """H9: of two requests sent together the first is answered, then the connection is closed."""
    async with bench() as b:
        wire = await b.wire()
        plain: dict[str, Any] = {"connection": None, "upgrade": None}
        wire.send(b.request("GET /one HTTP/1.1", **plain) + b.request("GET /two HTTP/1.1", **plain))
        seen = await wire.rest()
        assert seen.endswith(b"/one ")
        assert seen.count(b"HTTP/1.1 200") == 1


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


async def test_strangers_leave_nothing_but_audit_lines(bench: Any, caplog: Any) -> None:
    """R6: of two hundred bad requests the audit log hears (and bounds it), and no library writes a line."""
    caplog.set_level(0)
    async with bench(per_address=1000, total=1000) as b:
        for _ in range(200):
            wire = await b.wire()
            wire.send(b"GET /x\r\n\r\n" * 2)
            assert (await wire.answer()).status == 400
            await wire.close()
        assert {event for event, _ in b.audit.lines} == {AuditEvent.HANDSHAKE_REFUSED}
        assert "Traceback" not in caplog.text
        assert not [record for record in caplog.records if record.name.startswith(("uvicorn", "parlour"))]
