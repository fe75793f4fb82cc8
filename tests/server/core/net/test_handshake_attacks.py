"""Attacks on the way in, against a running server."""

import asyncio
import time
from typing import Any

import pytest

from parlour_server.core.audit import AuditEvent


async def test_every_wrong_ticket_gets_the_same_bytes(bench: Any) -> None:
    """H4: none, unknown, used, expired and malformed tickets are answered alike, to the byte."""
    async with bench() as b:
        used, expired = await b.ticket(), await b.ticket(lasts=0)
        first = await b.wire()
        assert (await first.ask(b.request(authorization=f"Bearer {used}"))).status == 101
        seen = set()
        for value in (None, "Bearer " + "u" * 43, f"Bearer {used}", f"Bearer {expired}", "Bearer ?", "x"):
            wire = await b.wire()
            wire.send(b.request(authorization=value))
            seen.add(await wire.rest())
        assert len(seen) == 1
        assert seen.pop().startswith(b"HTTP/1.1 401 Unauthorized\r\n")
        assert len(b.chat.peers) == 1


async def test_a_ticket_in_a_url_is_refused_and_burnt(bench: Any) -> None:
    """K1: the ticket opens nothing from the query, and nothing from the header afterwards."""
    async with bench() as b:
        ticket = await b.ticket()
        wire = await b.wire()
        target = f"GET /v1/chat?ticket={ticket} HTTP/1.1"
        assert (await wire.ask(b.request(target, authorization=f"Bearer {ticket}"))).status == 401
        wire = await b.wire()
        assert (await wire.ask(b.request(authorization=f"Bearer {ticket}"))).status == 401
        assert ticket not in repr(b.audit.lines)


async def test_twenty_handshakes_with_one_ticket(bench: Any) -> None:
    """K3: of twenty that arrive together, exactly one is accepted."""
    async with bench() as b:
        ticket = await b.ticket()
        wires = [await b.wire() for _ in range(20)]
        b.tickets.may_answer.clear()
        for wire in wires:
            wire.send(b.request(authorization=f"Bearer {ticket}"))
        await b.until(lambda: len(b.tickets.taken) == 20)
        b.tickets.may_answer.set()
        answers = await asyncio.gather(*(wire.answer() for wire in wires))
        assert sorted(answer.status for answer in answers) == [101] + [401] * 19
        assert len(b.audit.of(AuditEvent.TICKET_REDEEMED)) == 1


async def test_nothing_is_read_while_a_ticket_is_redeemed(bench: Any) -> None:
    """H4: frames sent before the answer reach the parser only once the ticket was good."""
    async with bench() as b:
        b.tickets.may_answer.clear()
        wire = await b.wire()
        wire.send(b.request(authorization=f"Bearer {await b.ticket()}"))
        await b.until(lambda: b.tickets.taken)
        wire.send_frame(1, b"too early")
        await asyncio.sleep(0.02)
        assert b.chat.messages == []
        b.tickets.may_answer.set()
        assert (await wire.answer()).status == 101
        assert await wire.frame() == (1, b"hello")
        assert await wire.frame() == (1, b"too early")


async def test_a_hanging_store_does_not_keep_the_socket_open(bench: Any) -> None:
    """H5: the request's deadline goes on running while the ticket is looked up."""
    async with bench(request_seconds=0.1) as b:
        b.tickets.may_answer.clear()
        wire = await b.wire()
        wire.send(b.request(authorization=f"Bearer {await b.ticket()}"))
        assert await wire.rest() == b""
        b.tickets.may_answer.set()
        await b.until(lambda: b.server.sockets == 0 and not b.server._http.tasks)
        assert b.chat.peers == []
        assert b.server.connections == 0


async def test_frames_in_the_same_packet_as_the_handshake(bench: Any) -> None:
    """H9: what comes before our answer was sent by someone who does not wait for it."""
    async with bench() as b:
        wire = await b.wire()
        ticket = await b.ticket()
        wire.send(b.request(authorization=f"Bearer {ticket}") + b"GET /v1/sessions HTTP/1.1\r\n\r\n")
        assert (await wire.answer()).status == 400
        assert b.tickets.taken == []


async def test_one_account_cannot_take_every_connection(bench: Any) -> None:
    """H6: over the account's cap the handshake is answered 503, also when several race for the last one."""
    async with bench(per_user=2) as b:
        await b.chatting()
        wires = [await b.wire() for _ in range(3)]
        b.tickets.may_answer.clear()
        for wire in wires:
            wire.send(b.request(authorization=f"Bearer {await b.ticket()}"))
        await b.until(lambda: len(b.tickets.taken) == 4)
        b.tickets.may_answer.set()
        answers = await asyncio.gather(*(wire.answer() for wire in wires))
        assert sorted(answer.status for answer in answers) == [101, 503, 503]
        await b.chatting(user="grace")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sec_websocket_extensions", 'a;b="' + "\\c" * 4000),
        ("sec_websocket_extensions", "b" + " " * 7900 + "x"),
        ("sec_websocket_extensions", "x," * 7000),
        ("connection", "x," * 7000 + "Upgrade"),
        ("sec_websocket_protocol", "caf\xe9"),
        ("upgrade", "websocket," * 1000),
    ],
)
async def test_header_parsing_stall(bench: Any, name: str, value: str) -> None:
    """H7, H8: a head made to be slow to parse is answered 4xx, or accepted, without delaying others."""
    async with bench() as b:
        other, wire = await b.chatting(), await b.wire()
        started = time.process_time()  # of this process, whatever else the machine does
        wire.send(b.request(authorization="Bearer x", **{name: value}))
        other.send_frame(1, b"still here?")
        assert await other.frame() == (1, b"still here?")
        assert (await wire.answer()).status in {400, 401, 426}
        assert time.process_time() - started < 0.5


async def test_too_large_a_head(bench: Any) -> None:
    """H7: more than 16 KiB, or more than 32 headers, is 431."""
    async with bench() as b:
        wire = await b.wire()
        assert (await wire.ask(b.request(x_large="x" * 17_000))).status == 431
        wire = await b.wire()
        assert (await wire.ask(b.request(**{f"x_{i}": "1" for i in range(40)}))).status == 431
        wire = await b.wire()
        wire.send(b"GET /" + b"x" * 17_000)
        assert (await wire.answer()).status == 431


async def test_the_answer_names_no_software(bench: Any) -> None:
    """H10: neither the upgrade's answer, nor the API's, nor a refusal says what runs here."""
    async with bench() as b:
        seen = b""
        for request in (
            b.request(authorization=f"Bearer {await b.ticket()}"),
            b.request("GET /healthz HTTP/1.1", connection="close", upgrade=None),
            b.request(host="evil"),
            b"nonsense\r\n\r\n",
        ):
            wire = await b.wire()
            wire.send(request)
            seen += await wire.reader.readuntil(b"\r\n\r\n")
        assert seen.count(b"HTTP/1.1 ") == 4
        lowered = seen.lower()
        assert not any(word in lowered for word in (b"\r\nserver:", b"uvicorn", b"python", b"websockets"))
