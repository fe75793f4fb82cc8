"""The HTTPS API's calls against servers that misbehave."""

import asyncio
import gc
from contextlib import suppress
from pathlib import Path

import pytest

from parlour_client.kit.errors import (
    ApiRefusedError,
    LoginRefusedError,
    ServerMisbehavedError,
    SessionEndedError,
    UnreachableError,
)
from parlour_client.kit.transport import https
from parlour_client.kit.transport.https import MAX_ANSWER, Api
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_lab.impostor import Answer, make, recording
from parlour_protocol.kit.api import Login, SessionCreated
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret

CA = make(ca=True)
SERVER = make(issuer=CA)
LOGIN = Login(username="alice", password=Secret("a password that is long"), device=parse_device_name("x"))


def answering(head: str, body: bytes = b"") -> Answer:
    """Return a server that answers every request with this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        await writer.drain()

    return answer


@pytest.fixture(autouse=True)
def a_proxy_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point every proxy variable at nothing: a client that looks at them cannot connect (T5)."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "WSS_PROXY", "wss_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


async def test_a_login_goes_straight_to_the_server(tmp_path: Path) -> None:
    """Proxies of the environment are not used."""
    body = b'{"session": "%s", "expires_in": 60, "user": "alice"}' % (b"s" * 43)
    async with recording(SERVER.context(tmp_path), answering("201 Created", body)) as server:
        made = await Api(Verifier(server.address, CaFile(CA.pem))).log_in(LOGIN)
    assert isinstance(made, SessionCreated)
    assert made.session == Secret("s" * 43)
    head = bytes(server.data).split(b"\r\n\r\n")[0].lower()
    assert b"accept-encoding: identity" in head


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """The second server sees nothing of the credentials (T5)."""
    async with recording(SERVER.context(tmp_path)) as second:
        to = f"https://{second.address.authority}/v1/sessions"
        async with recording(
            SERVER.context(tmp_path), answering(f"307 Elsewhere\r\nLocation: {to}")
        ) as first:
            with pytest.raises(ServerMisbehavedError, match="307"):
                await Api(Verifier(first.address, CaFile(CA.pem))).log_in(LOGIN)
    assert second.handshakes == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"session": 1, "expires_in": 60, "user": "alice"}',
        b'{"session": "x", "expires_in": 60, "user": "alice", "more": 1}',
        b'{"session": "x", "session": "y", "expires_in": 60, "user": "alice"}',
        b'{"session": "x", "expires_in": 60, "user": "not a name"}',
        b"[" * 60_000,
        b'{"session": "x", "expires_in": 60, "user": "alice"}' + b" " * MAX_ANSWER,
    ],
)
async def test_an_answer_that_is_none_is_reported_plainly(body: bytes, tmp_path: Path) -> None:
    """Malformed, unexpected, deep and oversized answers are one sentence, never a crash (F8)."""
    async with recording(SERVER.context(tmp_path), answering("201 Created", body)) as server:
        with pytest.raises(ServerMisbehavedError):
            await Api(Verifier(server.address, CaFile(CA.pem))).log_in(LOGIN)


async def test_refusals_become_the_right_errors(tmp_path: Path) -> None:
    """401 at the login is a wrong password, elsewhere an ended session; the rest has the server's words."""
    problem = b'{"error": "login_failed", "message": "no"}'
    async with recording(SERVER.context(tmp_path), answering("401 Unauthorized", problem)) as server:
        api = Api(Verifier(server.address, CaFile(CA.pem)))
        with pytest.raises(LoginRefusedError):
            await api.log_in(LOGIN)
        with pytest.raises(SessionEndedError):
            await api.sessions(Secret("s"))
    hostile = b'{"error": "too_many", "message": "wait\\u001b[2J", "retry_after": 30}'
    async with recording(SERVER.context(tmp_path), answering("429 Slow", hostile)) as server:
        with pytest.raises(ApiRefusedError) as refused:
            await Api(Verifier(server.address, CaFile(CA.pem))).log_in(LOGIN)
    assert (str(refused.value), refused.value.retry_after) == ("wait⟦ESC⟧[2J", 30)


async def test_a_server_that_drips_does_not_hold_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole call has a deadline, however often a byte comes."""
    monkeypatch.setattr(https, "_WHOLE_CALL", 0.6)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        await reader.read()  # until the client gives up

    async with recording(SERVER.context(tmp_path), drip) as server:
        with pytest.raises(UnreachableError, match="in time"):
            await Api(Verifier(server.address, CaFile(CA.pem))).log_in(LOGIN)


async def test_a_call_given_up_during_tls_leaves_no_connection_open() -> None:
    """A server that accepts TCP and says nothing sees the end as soon as the call is cancelled."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read(1)
        begun.set()
        while await reader.read(4096):
            pass
        ended.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(60):
        call = asyncio.create_task(
            Api(Verifier(ServerAddress("127.0.0.1", port), CaFile(CA.pem))).log_in(LOGIN)
        )
        await begun.wait()
        gc.disable()
        try:
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await ended.wait()
        finally:
            gc.enable()


async def test_a_pool_that_is_closed_during_a_call_leaves_no_connection(tmp_path: Path) -> None:
    """A call that is still connecting when the pool is closed ends, and its connection with it."""
    accepted, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(writer.transport, asyncio.ReadTransport)
        writer.transport.pause_reading()  # the client's first words of TLS are for `start_tls`
        accepted.set()
        await go_on.wait()
        await writer.start_tls(SERVER.context(tmp_path))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"sessions":[]}')
        with suppress(OSError):
            assert await reader.read() == b""
        ended.set()
        writer.close()

    server = await asyncio.start_server(late, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(60):
        api = Api(Verifier(ServerAddress("127.0.0.1", port), CaFile(CA.pem)), keep=True)
        call = asyncio.create_task(api.sessions(Secret("s" * 43)))
        await accepted.wait()
        gc.disable()
        try:
            await api.close()
            go_on.set()
            assert await call == ()
            await ended.wait()
        finally:
            gc.enable()


async def test_calls_at_the_same_time_leave_one_connection_pool_to_close(tmp_path: Path) -> None:
    """Two first calls of a client that keeps its connection make one pool; a late call keeps none."""
    open_connections, none_open = 0, asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        none_open.clear()
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"sessions":[]}')
        open_connections -= 1
        if not open_connections:
            none_open.set()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=SERVER.context(tmp_path))
    port: int = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(60):
        api = Api(Verifier(ServerAddress("127.0.0.1", port), CaFile(CA.pem)), keep=True)
        gc.disable()
        try:
            await asyncio.gather(*(api.sessions(Secret("s" * 43)) for _ in range(2)))
            await api.close()
            await none_open.wait()
            await api.sessions(Secret("s" * 43))
            await none_open.wait()
        finally:
            gc.enable()


async def test_a_call_that_is_cancelled_as_it_takes_a_kept_connection_closes_it(tmp_path: Path) -> None:
    """As when a client ends just after it began a call: nobody else knows that connection."""
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"sessions":[]}')
        writer.close()
        ended.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=SERVER.context(tmp_path))
    port: int = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(60):
        api = Api(Verifier(ServerAddress("127.0.0.1", port), CaFile(CA.pem)), keep=True)
        await api.sessions(Secret("s" * 43))
        gc.disable()
        try:
            call = asyncio.create_task(api.sessions(Secret("s" * 43)))
            await asyncio.sleep(0)  # the call has it, and waits for its watcher
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await api.close()
            await ended.wait()
        finally:
            gc.enable()
