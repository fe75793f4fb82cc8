"""Connections of the HTTPS API: kept between calls, streamed both ways, at servers that misbehave."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from parlour_client.kit.errors import ApiRefusedError, ServerMisbehavedError, SetupError, UnreachableError
from parlour_client.kit.transport import https_connection
from parlour_client.kit.transport.https import MAX_ANSWER, Api
from parlour_client.kit.transport.https_connection import ConnectionLostError
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_lab.impostor import Answer, Recorder, make, recording
from parlour_protocol.kit.api import SessionList
from parlour_protocol.kit.secret import Secret

CA = make(ca=True)
SERVER = make(issuer=CA)
SESSION = Secret("s" * 43)
NONE = b'{"sessions":[]}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + NONE
REFUSED = b'{"error": "too_large", "message": "no"}'
MIB = 1 << 20


def api(server: Recorder, *, keep: bool = False) -> Api:
    """Return a client of the API."""
    return Api(Verifier(server.address, CaFile(CA.pem)), keep=keep)


def saying(*parts: bytes) -> Answer:
    """Return a server that answers the first request with these bytes, and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request that has no body."""
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(OK)


async def chunks(count: int, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    """Yield a file of so many parts."""
    for number in range(count):
        yield bytes([number % 256]) * size


# --- one call


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"sessi\r\n8\r\nons":[]}\r\n0\r\n\r\n',
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + NONE,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 50 + OK,
    ],
)
async def test_each_way_to_send_an_answer(answer: bytes, tmp_path: Path) -> None:
    """In chunks, until the end of the connection, and after hints that nobody asked for."""
    async with recording(SERVER.context(tmp_path), saying(answer)) as server:
        assert await api(server).sessions(SESSION) == ()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\nContent-Length: 15\r\n\r\n" + NONE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 16\r\n\r\n" + NONE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + NONE,
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(50 * MIB)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + bytes(4096) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
    ],
    ids=["no HTTP", "101", "head", "lengths", "chunk", "two", "bomb", "nul", "length"],
)
async def test_an_answer_that_is_not_one_is_the_servers_fault(answer: bytes, tmp_path: Path) -> None:
    """A head without an end, two lengths, two answers, another protocol; what is compressed stays it (F8)."""
    more = [bytes(64 * 1024)] * 16 if b"gzip" not in answer else []
    async with recording(SERVER.context(tmp_path), saying(answer, *more)) as server:
        with pytest.raises(ServerMisbehavedError) as error:
            await api(server).sessions(SESSION)
    if b"gzip" in answer:
        assert "too large" not in str(error.value)


async def test_the_limit_counts_what_chunks_carry(tmp_path: Path) -> None:
    """A body in small chunks is no way around it."""
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with recording(SERVER.context(tmp_path), saying(head, *[chunk] * (MAX_ANSWER // 512))) as server:
        with pytest.raises(ServerMisbehavedError, match="too large"):
            await api(server).sessions(SESSION)


@pytest.mark.parametrize("answer", [b"", OK[:20], OK[:-1]])
async def test_a_connection_that_ends_too_early_is_lost(answer: bytes, tmp_path: Path) -> None:
    """Half an answer is none."""
    async with recording(SERVER.context(tmp_path), saying(answer)) as server:
        with pytest.raises(ConnectionLostError):
            await api(server).sessions(SESSION)
        assert server.handshakes == 1


# --- kept connections


async def test_calls_share_a_connection(tmp_path: Path) -> None:
    """One handshake for calls one after another; calls at the same time have one each."""
    async with recording(SERVER.context(tmp_path), polite) as server:
        kept = api(server, keep=True)
        for _ in range(5):
            await kept.sessions(SESSION)
        assert server.handshakes == 1
        await asyncio.gather(*(kept.sessions(SESSION) for _ in range(3)))
        assert server.handshakes == 3
        await kept.close()
        await kept.sessions(SESSION)
        await kept.sessions(SESSION)
        assert server.handshakes == 5


async def test_an_idle_connection_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server does not keep it for nobody."""
    monkeypatch.setattr(https_connection, "_RESTING", 0.05)
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            await polite(reader, writer)
        ended.set()

    async with recording(SERVER.context(tmp_path), answer) as server, asyncio.timeout(60):
        kept = api(server, keep=True)
        await kept.sessions(SESSION)
        await ended.wait()
        await kept.sessions(SESSION)
        assert server.handshakes == 2


@pytest.mark.parametrize("last", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
async def test_a_server_may_end_an_idle_connection(last: bytes, tmp_path: Path) -> None:
    """What it says then is no answer to the next request."""
    leave, noticed = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if noticed.is_set():
            await polite(reader, writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await leave.wait()
        writer.write(last)
        if not last:
            writer.close()
        assert await reader.read() == b""
        noticed.set()

    async with recording(SERVER.context(tmp_path), answer) as server, asyncio.timeout(60):
        kept = api(server, keep=True)
        await kept.sessions(SESSION)
        leave.set()
        await noticed.wait()
        assert await kept.sessions(SESSION) == ()
        assert server.handshakes == 2
        await kept.close()


async def test_a_request_meets_a_connection_that_just_ended(tmp_path: Path) -> None:
    """It is sent once more, on a new one; where it was half answered, and on a new one, it is not."""
    first = [OK, b"", OK, OK[:30], OK, b""]
    requests = iter(first)
    breaks = {b"", OK[:30]}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            said = next(requests)
            writer.write(said)
            await writer.drain()
            if said in breaks:
                return

    async with recording(SERVER.context(tmp_path), answer) as server:
        kept = api(server, keep=True)
        await kept.sessions(SESSION)
        assert await kept.sessions(SESSION) == ()  # lost, and sent again
        assert server.handshakes == 2
        with pytest.raises(ConnectionLostError):
            await kept.sessions(SESSION)
        assert server.handshakes == 2
        await kept.sessions(SESSION)
        await kept.close()
        with pytest.raises(ConnectionLostError):
            await kept.sessions(SESSION)


# --- files


async def test_an_upload_is_streamed(tmp_path: Path) -> None:
    """The server gets every byte once; a connection that was open is not used for it."""
    size = 40 * 64 * 1024
    got = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (head := await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
            writer.write(OK)
        assert b"Content-Length: %d\r\n" % size in head
        got.extend(await reader.readexactly(size))
        writer.write(OK)
        await reader.read()

    async with recording(SERVER.context(tmp_path), answer) as server:
        kept = api(server, keep=True)
        await kept.sessions(SESSION)
        await kept.call("POST", "/v1/x", SessionList, bearer=SESSION, body=chunks(40), size=size)
        assert server.handshakes == 2
        await kept.close()
    assert bytes(got) == b"".join([chunk async for chunk in chunks(40)])


async def test_a_refusal_ends_an_upload(tmp_path: Path) -> None:
    """A server need not read a file that it will not have; the client sends no more of it."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        async for chunk in chunks(1_600):
            sent += 1
            yield chunk

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % len(REFUSED) + REFUSED)
        assert isinstance(writer.transport, asyncio.ReadTransport)
        writer.transport.pause_reading()
        await never.wait()

    never = asyncio.Event()
    async with recording(SERVER.context(tmp_path), answer) as server, asyncio.timeout(60):
        with pytest.raises(ApiRefusedError) as refused:
            await api(server, keep=True).call(
                "POST", "/v1/x", SessionList, bearer=SESSION, body=endless(), size=1_600 * 64 * 1024
            )
        never.set()
    assert refused.value.code == "too_large"
    assert sent < 1_600


async def test_a_file_that_cannot_be_read_ends_the_upload(tmp_path: Path) -> None:
    """The person reads why, and the server sees the end."""
    ended = asyncio.Event()

    async def torn() -> AsyncIterator[bytes]:
        yield bytes(1024)
        raise SetupError("The file has become shorter.")

    async def answer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while await reader.read(4096):
                pass
        ended.set()

    async with recording(SERVER.context(tmp_path), answer) as server, asyncio.timeout(60):
        with pytest.raises(SetupError, match="shorter"):
            await api(server).call("POST", "/v1/x", SessionList, bearer=SESSION, body=torn(), size=4096)
        await ended.wait()


async def test_a_server_that_does_not_read_ends_an_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part has a deadline, however large the file."""
    monkeypatch.setattr(https_connection, "_SECONDS", 0.5)
    never = asyncio.Event()

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(writer.transport, asyncio.ReadTransport)
        writer.transport.pause_reading()
        await never.wait()

    async with recording(SERVER.context(tmp_path), answer) as server, asyncio.timeout(60):
        with pytest.raises(UnreachableError, match="in time"):
            await api(server).call(
                "POST", "/v1/x", SessionList, bearer=SESSION, body=chunks(1_600), size=1_600 * 64 * 1024
            )
        never.set()


async def test_a_download_is_streamed(tmp_path: Path) -> None:
    """The caller gets every byte, in parts; the connection is used again when it has read all of them."""
    body = bytes(range(256)) * 4096 * 8
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(whole)
            await writer.drain()

    async with recording(SERVER.context(tmp_path), answer) as server:
        kept = api(server, keep=True)
        for _ in range(2):
            async with kept.download("/v1/files/x", SESSION) as parts:
                got = [part async for part in parts]
            assert b"".join(got) == body
            assert max(map(len, got)) <= MAX_ANSWER
            assert server.handshakes == 1
        async with kept.download("/v1/files/x", SESSION) as parts:
            await anext(parts)
        async with kept.download("/v1/files/x", SESSION) as parts:
            assert b"".join([part async for part in parts]) == body
        assert server.handshakes == 2
        await kept.close()


async def test_a_download_that_breaks_off_is_reported(tmp_path: Path) -> None:
    """A refusal at once, a lost connection where it is lost."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with (
        recording(SERVER.context(tmp_path), saying(head, bytes(500))) as server,
        api(server).download("/v1/files/x", SESSION) as parts,
    ):
        with pytest.raises(ConnectionLostError):
            [part async for part in parts]
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % len(REFUSED) + REFUSED
    async with recording(SERVER.context(tmp_path), saying(refusal)) as server:
        with pytest.raises(ApiRefusedError):
            async with api(server).download("/v1/files/x", SESSION):
                pass
