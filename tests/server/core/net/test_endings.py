"""How connections end when the server wants it."""

import asyncio
import socket
import ssl
from typing import Any

import pytest

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error
from parlour_protocol.kit.errors import SESSION_ENDED, TOO_MANY_ERRORS
from parlour_server.core.audit import AuditEvent
from parlour_server.core.connections.connection import text_frame
from parlour_server.core.net.net_server import NetServer


async def test_ending_a_session_closes_all_its_sockets_and_no_other(bench: Any) -> None:
    """S1: every connection of the session gets 4001; others do not notice."""
    async with bench() as b:
        first, second = await b.chatting(session="a" * 22), await b.chatting(session="a" * 22)
        other = await b.chatting(session="b" * 22)
        b.end_session("a" * 22)
        assert await first.close_code() == await second.close_code() == 4001
        other.send_frame(1, b"still here")
        assert await other.frame() == (1, b"still here")
        for wire in (first, second):
            await wire.close()
        await b.until(lambda: b.server.connections == 1)
        assert [line["code"] for line in b.audit.of(AuditEvent.CONNECTION_CLOSED)] == [4001, 4001]


async def test_nothing_is_delivered_after_the_end(bench: Any) -> None:
    """S1: what was sent before the end arrives, what comes after does not, in either direction."""
    async with bench() as b:
        wire = await b.chatting()
        [peer] = b.chat.peers
        peer.send(Error(re=None, code=ErrorCode.FORBIDDEN))
        peer.end(TOO_MANY_ERRORS)
        peer.write(text_frame(b"late"))
        peer.send(Error(re=None, code=ErrorCode.FORBIDDEN))
        peer.end(SESSION_ENDED)
        wire.send_frame(1, b"late")
        assert (await wire.frame())[0] == 1
        assert await wire.frame() == (8, b"\x0f\xa3too many errors")
        wire.send_frame(1, b"late")
        wire.send_frame(8, b"\x0f\xa3")
        assert await wire.rest() == b""
        assert b.chat.messages == []


async def test_the_chat_may_end_a_peer_while_it_handles_a_message(bench: Any) -> None:
    """Messages that arrived in the same packet as the one that ended the connection are not handled."""
    async with bench() as b:
        wire = await b.chatting()
        b.chat.on_message = lambda peer, _data: peer.end(TOO_MANY_ERRORS)
        wire.send_frame(1, b"one")
        wire.send_frame(1, b"two")
        assert await wire.close_code() == 4003
        assert b.chat.messages == [b"one"]


async def test_stopping_notifies_everyone(bench: Any) -> None:
    """R5: clients get 1001, and the port is free."""
    async with bench() as b:
        wires = [await b.chatting(user=user) for user in ("ada", "grace")]
        idle = await b.wire()
        stopping = asyncio.create_task(b.server.stop())
        for wire in wires:
            assert await wire.close_code() == 1001
            wire.send_frame(8, b"\x03\xe9")
        await stopping
        assert await idle.rest() == b""
        assert b.server.sockets == 0
        with pytest.raises(OSError, match=r"."):
            await b.wire()


async def test_stopping_does_not_wait_for_connections_that_ask_nothing(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: an idle HTTP connection is closed at once, one that is being answered after its answer."""
    monkeypatch.setattr("parlour_server.core.net.net_server.STOP_SECONDS", 3600)
    answering, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        answering.set()
        await may_answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with bench(app=slow) as b:
        idle, busy = await b.wire(), await b.wire()
        await b.until(lambda: len(b.server._http.connections) == 2)
        busy.send(b.request("GET /a HTTP/1.1", upgrade=None, connection=None))
        await answering.wait()
        stopping = asyncio.create_task(b.server.stop())
        assert await idle.rest() == b""
        may_answer.set()
        assert (await busy.answer()).status == 204
        assert await busy.rest() == b""
        async with asyncio.timeout(60):
            await stopping


def test_stopping_right_after_a_connection_was_dropped(every_loop: Any, bench: Any) -> None:
    """R5: a transport that is closing, as of an address banned just before, doesn't fail the stop."""

    async def scenario() -> None:
        async with bench() as b:
            await b.wire()
            await b.until(lambda: b.server._http.connections)
            [http] = b.server._http.connections
            http.abort()
            await b.server.stop()
            assert b.server.sockets == 0

    every_loop(scenario)


async def test_a_dead_peer(bench: Any) -> None:
    """R3: two pings without an answer end the connection."""
    async with bench(ping_seconds=0.05) as b:
        wire = await b.chatting()
        assert (await wire.frame())[0] == 9
        assert (await wire.frame())[0] == 9
        await b.until(lambda: b.chat.closed_peers)
        assert b.audit.of(AuditEvent.LIMIT_HIT)[0]["limit"] == "keepalive"


async def test_a_peer_that_answers_pings_stays(bench: Any) -> None:
    """R3: a pong, even one without its ping, is a sign of life."""
    async with bench(ping_seconds=0.05) as b:
        wire = await b.chatting()
        for _ in range(5):
            assert (await wire.frame())[0] == 9
            wire.send_frame(10)
        assert b.server.connections == 1


async def test_what_is_recorded_of_a_connection(bench: Any) -> None:
    """M7: opening, redeeming and closing are one line each, without the ticket."""
    async with bench() as b:
        wire = await b.wire()
        ticket = await b.ticket()
        await wire.ask(b.request(authorization=f"Bearer {ticket}"))
        await wire.close()
        await b.until(lambda: b.chat.closed_peers)
        kinds = [kind for kind, _ in b.audit.lines]
        assert kinds == [
            AuditEvent.TICKET_REDEEMED,
            AuditEvent.CONNECTION_OPENED,
            AuditEvent.CONNECTION_CLOSED,
        ]
        assert b.audit.lines[1][1]["address"] == "127.0.0.1"
        assert b.audit.lines[2][1]["code"] == 1006
        assert ticket not in repr(b.audit.lines)


def test_a_stop_waits_for_no_idle_peer(every_loop: Any, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle client gets close_notify and need not answer it, so that a restart takes no seconds."""
    forced: list[NetServer] = []

    async def note(server: NetServer) -> None:
        forced.append(server)

    def connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", port))
        return context.wrap_socket(plain, server_hostname="localhost")

    async def scenario() -> None:
        async with bench(close_seconds=60) as b:
            idle = await asyncio.to_thread(connect, b.port, b.pair.trusting_context())
            with idle:
                await b.until(lambda: b.server._http.connections)
                monkeypatch.setattr(NetServer, "_abort_all", note)
                await b.server.stop()
                assert not forced
                assert await asyncio.to_thread(idle.recv, 1) == b""  # close_notify: the end, and no error

    every_loop(scenario)
