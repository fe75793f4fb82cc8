"""The WebSocket against servers that misbehave, byte by byte."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from nacl.signing import VerifyKey

from parlour_client.kit.errors import (
    ApiRefusedError,
    ParlourClientError,
    ServerMisbehavedError,
    SessionEndedError,
    UnreachableError,
)
from parlour_client.kit.transport import websocket as socket
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_client.kit.transport.session import Session, SessionKeyPair
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_client.kit.transport.websocket import WebSocket, open_socket
from parlour_lab.impostor import Answer, make, recording
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.api import TicketIssued, encode_payload
from parlour_protocol.kit.certificates import public_key_digest
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.limits import SERVER_FRAME
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import PROOF_HEADER, Proof, Redemption

CA = make(ca=True)
SERVER = make(issuer=CA)
KEY, _ = SessionKeyPair.generate()
SESSION = Session(Secret("s" * 43), KEY)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the client's patience short: the servers here leave TCP open on purpose."""
    monkeypatch.setattr(socket, "_CLOSE_SECONDS", 0.05)


async def opened(address: ServerAddress) -> WebSocket:
    """Open a socket to a test's server."""
    verifier = Verifier(address, CaFile(CA.pem))
    return await open_socket(WIRE, verifier, Session(Secret("s" * 43)), Secret("CANARY-ticket"))


def accept_key(head: bytes) -> str:
    """Return what the server proves with (RFC 6455 section 4.2.2)."""
    key = next(
        line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()  # noqa: S324 - RFC 6455


def upgrading(serve: Serve, *, extra: str = "Sec-WebSocket-Protocol: parlour.v1\r\n") -> Answer:
    """Return a server that upgrades and then does what ``serve`` does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(head)}\r\n{extra}\r\n".encode()
        )
        await serve(reader, writer)

    return answer


def frame(
    opcode: int, payload: bytes, *, fin: bool = True, masked: bool = False, claimed: int | None = None
) -> bytes:
    """Return a frame of a server, or one that a server must not send."""
    size = len(payload) if claimed is None else claimed
    first = (0x80 if fin else 0) | opcode
    mask = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


HOSTILE = {
    "masked": frame(1, b"{}", masked=True),
    "binary": frame(2, b"{}"),
    "not UTF-8": frame(1, b"\xff\xfe"),
    "reserved opcode": frame(3, b""),
    "reserved bits": b"\xf1\x00",
    "fragmented ping": frame(9, b"", fin=False),
    "long ping": frame(9, b"x" * 126),
    "continuation of nothing": frame(0, b"x"),
    "over the limit": frame(1, b"", claimed=SERVER_FRAME.value + 1),
    "absurd length": frame(1, b"", claimed=2**62),
    "compressed": b"\xc1\x00",
    "bad close": frame(8, b"\x00"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_hostile_frame_ends_the_connection_in_words(case: str, tmp_path: Path) -> None:
    """Whatever the server sends, the client raises one of its own errors (F1, F8)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HOSTILE[case])
        await reader.read()

    async with recording(SERVER.context(tmp_path), upgrading(serve)) as server:
        wire = await opened(server.address)
        with pytest.raises(ServerMisbehavedError):
            await wire.receive()
        await wire.close()


CLOSED_WITH = {
    "masked": 1002,
    "compressed": 1002,
    "reserved bits": 1002,
    "over the limit": 1009,
    "absurd length": 1009,
}


@pytest.mark.parametrize("case", CLOSED_WITH)
async def test_a_hostile_frame_is_answered_by_its_close_code(case: str, tmp_path: Path) -> None:
    """L3, L4: 1002 for what was not negotiated, 1009 from the declared length, before any byte."""
    codes: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HOSTILE[case])
        head = await reader.readexactly(6)
        assert head[0] == 0x88
        first = await reader.readexactly(2)
        codes.append(int.from_bytes(bytes(a ^ b for a, b in zip(first, head[2:4], strict=True))))

    async with recording(SERVER.context(tmp_path), upgrading(serve)) as server:
        wire = await opened(server.address)
        with pytest.raises(ServerMisbehavedError):
            async with asyncio.timeout(60):
                await wire.receive()
        await wire.close()
    assert codes == [CLOSED_WITH[case]]


@pytest.mark.parametrize("value", ["x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\0"])
async def test_no_header_through_a_ticket(value: str, tmp_path: Path) -> None:
    """L5: even a ticket that nobody checked adds no line to the handshake."""
    async with recording(SERVER.context(tmp_path), upgrading(_wait)) as server:
        with pytest.raises(ServerMisbehavedError):
            await open_socket(WIRE, Verifier(server.address, CaFile(CA.pem)), SESSION, Secret(value))
    assert server.data == b""


async def test_many_tiny_fragments_end_the_connection(tmp_path: Path) -> None:
    """A message of endless fragments does not take memory without end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(1, b"", fin=False) + frame(0, b"", fin=False) * 20_000)
        await reader.read()

    async with recording(SERVER.context(tmp_path), upgrading(serve)) as server:
        wire = await opened(server.address)
        with pytest.raises(ParlourClientError):
            await wire.receive()
        await wire.close()


async def test_every_frame_has_a_fresh_masking_key(tmp_path: Path) -> None:
    """A hundred frames, a hundred keys: a stranger's text cannot choose the bytes on the wire (F1)."""
    keys: list[bytes] = []
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while len(keys) < 100 and (head := await reader.readexactly(2))[1] & 0x80:
            keys.append(await reader.readexactly(4))
            await reader.readexactly(head[1] & 0x7F)
        done.set()

    async with recording(SERVER.context(tmp_path), upgrading(serve)) as server:
        wire = await opened(server.address)
        for _ in range(100):
            await wire.send(b"{}")
        await done.wait()
        await wire.close()
    assert len(set(keys)) == 100, "not masked, or a key came again"


@pytest.mark.parametrize("extra", ["", "Sec-WebSocket-Protocol: other\r\n"])
async def test_a_server_must_speak_the_protocol(extra: str, tmp_path: Path) -> None:
    """Without `parlour.v1` in the answer there is no connection."""
    async with recording(SERVER.context(tmp_path), upgrading(_wait, extra=extra)) as server:
        with pytest.raises(ServerMisbehavedError):
            await opened(server.address)


async def test_compression_is_neither_offered_nor_taken(tmp_path: Path) -> None:
    """An extension that was not asked for ends the handshake."""
    extra = "Sec-WebSocket-Protocol: parlour.v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
    async with recording(SERVER.context(tmp_path), upgrading(_wait, extra=extra)) as server:
        with pytest.raises(ServerMisbehavedError):
            await opened(server.address)
    assert b"sec-websocket-extensions" not in bytes(server.data).lower()


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """The ticket is not carried to another place (T5)."""
    async with recording(SERVER.context(tmp_path)) as second:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            to = f"wss://{second.address.authority}/v1/chat"
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()

        async with recording(SERVER.context(tmp_path), redirect) as first:
            with pytest.raises(ServerMisbehavedError, match="302"):
                await opened(first.address)
    assert second.handshakes == 0


async def test_no_proxy_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`HTTPS_PROXY` and its like are not looked at (T5)."""
    for name in ("HTTPS_PROXY", "https_proxy", "WSS_PROXY", "wss_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with recording(SERVER.context(tmp_path), upgrading(_wait)) as server:
        wire = await opened(server.address)
        await wire.close()
    assert b"Bearer CANARY-ticket" in server.data
    assert b"CANARY" not in bytes(server.data).split(b"\r\n")[0]  # never in the URL


async def test_the_server_says_why_it_closes(tmp_path: Path) -> None:
    """The close code comes through; a connection that just breaks has none."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(8, struct.pack("!H", 4001)))
        await reader.read()

    async with recording(SERVER.context(tmp_path), upgrading(close)) as server:
        wire = await opened(server.address)
        with pytest.raises(SocketClosedError) as closed:
            await wire.receive()
        assert closed.value.code == 4001

    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with recording(SERVER.context(tmp_path), upgrading(cut)) as server:
        wire = await opened(server.address)
        with pytest.raises(SocketClosedError) as closed:
            await wire.receive()
        assert closed.value.code is None
        with pytest.raises(SocketClosedError):
            await wire.send(b"{}")


async def test_closing_waits_for_no_server_that_has_stopped_reading(tmp_path: Path) -> None:
    """The network is silent and the buffers are full: a new connection can be tried all the same."""
    silent = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # of TCP: pausing the TLS layer alone lets it read on for itself
        writer.transport._ssl_protocol._transport.pause_reading()  # type: ignore[attr-defined]
        await silent.wait()

    async with recording(SERVER.context(tmp_path), upgrading(serve)) as server:
        wire = await opened(server.address)
        sending = [asyncio.ensure_future(wire.send(b"x" * 500_000)) for _ in range(40)]
        while not wire._socket.paused or not sending[0].done():  # noqa: ASYNC110 - the library tells nobody
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await wire.close()
            await asyncio.gather(*sending, return_exceptions=True)
        with pytest.raises(SocketClosedError):
            await wire.receive()
        silent.set()


async def test_a_close_that_is_cancelled_leaves_nothing_open(tmp_path: Path) -> None:
    """The client ends while a slow server has not answered its close frame yet."""
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        assert (await reader.readexactly(2))[0] == 0x88
        closed.set()
        await reader.read()

    async with recording(SERVER.context(tmp_path), upgrading(serve)) as server:
        wire = await opened(server.address)
        closing = asyncio.ensure_future(wire.close())
        await closed.wait()
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert wire._socket.transport.is_closing()


@pytest.mark.parametrize(
    ("status", "words"), [(401, "ticket"), (503, "too many"), (421, "name"), (500, "500")]
)
async def test_a_refused_handshake_is_reported_in_words(status: int, words: str, tmp_path: Path) -> None:
    """Each answer but 101 is a sentence, and none of them is taken for the end of the session."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    async with recording(SERVER.context(tmp_path), refuse) as server:
        with pytest.raises(UnreachableError, match=words):
            await opened(server.address)


ISSUED = encode_payload(TicketIssued(Secret("t" * 43), 30, here=True))


def issuing(answer: bytes, then: Answer, *, status: str = "201 Created", extra: str = "") -> Answer:
    """Return a server that answers the request for a ticket, and goes on on the same connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/tickets HTTP/1.1\r\n")
        assert f"Authorization: Bearer {SESSION.token.reveal()}\r\n".encode() in head
        assert await reader.readexactly(len(b'{"here":true}')) == b'{"here":true}'
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\n{extra}\r\n".encode() + answer)
        await then(reader, writer)

    return serve


async def test_ticket_and_handshake_share_a_connection(tmp_path: Path) -> None:
    """K51, K50: on one TLS connection; the proof names ticket, host, this server's key and the request."""
    async with recording(SERVER.context(tmp_path), issuing(ISSUED, upgrading(_wait))) as server:
        verifier = Verifier(server.address, CaFile(CA.pem))
        await (await open_socket(WIRE, verifier, SESSION)).close()
    assert server.handshakes == 1
    head = bytes(server.data).partition(b"GET /v1/chat")[2].split(b"\r\n\r\n")[0].decode()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert fields["Authorization"] == f"Bearer {'t' * 43}"
    redemption = Redemption(
        Secret("t" * 43).digest(), server.address.authority, public_key_digest(SERVER.der), WIRE.path
    )
    VerifyKey(KEY.public).verify(redemption.to_be_signed(), Proof.parse(fields[PROOF_HEADER]))


@pytest.mark.parametrize("case", ["not here", "closing"])
async def test_a_server_that_ends_the_connection_gets_another(case: str, tmp_path: Path) -> None:
    """What comes between cannot keep a connection, or the server knows no tickets for one."""
    answer = encode_payload(TicketIssued(Secret("t" * 43), 30)) if case == "not here" else ISSUED
    extra = "Connection: close\r\n" if case == "closing" else ""
    first, second = issuing(answer, _wait, extra=extra), upgrading(_wait)
    answers = iter((first, second))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(answers)(reader, writer)

    async with recording(SERVER.context(tmp_path), serve) as server:
        await (await open_socket(WIRE, Verifier(server.address, CaFile(CA.pem)), SESSION)).close()
    assert server.handshakes == 2


BAD_ISSUE: dict[str, tuple[bytes, str, type[ParlourClientError]]] = {
    "an ended session": (b"{}", "401 Unauthorized", SessionEndedError),
    "a redirect": (b"", "302 Found", ServerMisbehavedError),
    "too many": (b'{"error":"too_many_attempts","message":"no"}', "429 Slow", ApiRefusedError),
    "not JSON": (b"nothing", "201 Created", ServerMisbehavedError),
    "too large": (b"x" * 70_000, "201 Created", ServerMisbehavedError),
    "not HTTP": (b"", "is not a status", ServerMisbehavedError),
    "L5: a line break in the ticket": (
        rb'{"ticket":"t\r\nX: y","expires_in":30,"here":true}',
        "201 Created",
        ServerMisbehavedError,
    ),
    "more than the answer": (
        ISSUED + b"HTTP/1.1 101",
        "201 Created\r\nContent-Length: 0",
        ServerMisbehavedError,
    ),
}


@pytest.mark.parametrize("case", BAD_ISSUE)
async def test_what_is_wrong_with_a_ticket_is_said_in_words(case: str, tmp_path: Path) -> None:
    """F8: and no handshake follows."""
    answer, status, error = BAD_ISSUE[case]
    async with recording(SERVER.context(tmp_path), issuing(answer, _wait, status=status)) as server:
        with pytest.raises(error):
            await open_socket(WIRE, Verifier(server.address, CaFile(CA.pem)), SESSION)
    assert b"GET " not in server.data


@pytest.mark.parametrize("clean", [True, False])
async def test_a_connection_lost_before_the_ticket(tmp_path: Path, *, clean: bool) -> None:
    """It is tried again, as any connection that is lost."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if clean:
            writer.write(b"HTTP/1.1 201 Created\r\n")
            writer.close()
            await writer.wait_closed()

    async with recording(SERVER.context(tmp_path), cut) as server:
        with pytest.raises(UnreachableError, match="lost"):
            await open_socket(WIRE, Verifier(server.address, CaFile(CA.pem)), SESSION)


async def _wait(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()
