"""Group T: what the network can read or change, and where a client can be sent."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_lab.attack import Evidence, NotTriedError, Stage, attack
from parlour_lab.impostor import make, recording
from parlour_lab.target import LabServer
from parlour_lab.wire import ServerAddress
from parlour_protocol.kit.api import Login
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret

_SERVER_HELLO: Final = (22, 2)
"""The type of a TLS record and of the message in it (RFC 8446 sections 4 and 5.1)."""
_PROXY_NAMES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")
_HYBRID: Final = b"\x11\xec"
_WEAK: Final = {
    "P-521": 0x0019,
    "X448": 0x001E,
    "brainpoolP256r1tls13": 0x001F,
    "brainpoolP384r1tls13": 0x0020,
    "brainpoolP512r1tls13": 0x0021,
    "ffdhe2048": 0x0100,
    "ffdhe3072": 0x0101,
    "ffdhe4096": 0x0102,
    "ffdhe8192": 0x0104,
    "MLKEM512": 0x0200,
    "SecP256r1MLKEM768": 0x11EB,
    "secp256k1": 0x0016,
}


@attack(
    "A request without TLS",
    expects="The connection ends without an HTTP response, and no other port is open.",
    stage=Stage.FOLDER,
)
def plaintext(server: LabServer, seen: Evidence) -> bool:
    server.start("--loop", "asyncio")  # the others have TLS of their own, and take no plain socket
    head = server.head("GET /healthz HTTP/1.1")
    with server.plain() as raw:
        seen.sent(head)
        raw.sendall(head)
        answer = _all(raw)
    seen.received(answer or "nothing: the server hung up")
    return b"HTTP" not in answer


@attack(
    "A client that speaks TLS 1.2 at most, and clients that offer one weak key exchange group each",
    expects="Each is refused in the handshake.",
    command=True,
)
def weak_tls(server: LabServer, seen: Evidence) -> bool:
    with server.plain() as raw:
        raw.sendall(_client_hello(0x001D))
        seen.observed("a client that offers X25519 gets a ServerHello")
        assert _is_hello(_some(raw))
    context = server.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with suppress(ssl.SSLError), server.wire(context=context) as wire:
        seen.received(f"the server agreed to {wire.socket.version()}")
        return False
    seen.received("TLS 1.2: refused")
    taken = [name for name, number in _WEAK.items() if _takes(server, number)]
    seen.sent(f"a ClientHello for each of {', '.join(_WEAK)}")
    seen.received(f"taken: {', '.join(taken) or 'none'}")
    return not taken


@attack(
    "Someone records a connection now, to decrypt it with a quantum computer later",
    expects="The server chooses X25519MLKEM768, whose recording stays closed.",
    command=True,
)
def recorded_now(server: LabServer, seen: Evidence) -> bool:
    if ssl.OPENSSL_VERSION_INFO < (3, 5):
        raise NotTriedError(f"{ssl.OPENSSL_VERSION} has no X25519MLKEM768")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = server.context().wrap_bio(incoming, outgoing, server_hostname=server.name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    with server.plain() as raw:
        raw.sendall(outgoing.read())
        hello = _some(raw)
    assert _is_hello(hello)
    key_share = hello.index(b"\x00\x33")
    group = hello[key_share + 4 : key_share + 6]
    seen.received(f"a ServerHello with key exchange group 0x{group.hex()}")
    return group == _HYBRID


@attack(
    "A server sends a login on to another server, and the environment names a proxy",
    expects="Nobody but the server itself gets a byte of it.",
    stage=Stage.NOTHING,
)
def redirect_and_proxy(folder: Path, seen: Evidence) -> bool:
    return asyncio.run(_redirect_and_proxy(folder, seen))


async def _redirect_and_proxy(folder: Path, seen: Evidence) -> bool:
    made = make()
    context = made.context(folder)
    login = Login(username="alice", password=Secret("CANARY-password"), device=parse_device_name("x"))
    async with recording(context) as elsewhere:

        async def send_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            where = f"https://{elsewhere.address.host}:{elsewhere.address.port}/v1/sessions"
            answer = f"HTTP/1.1 307 Temporary Redirect\r\nlocation: {where}\r\ncontent-length: 0\r\n\r\n"
            writer.write(answer.encode())
            await writer.drain()

        async with recording(context, send_on) as server, _proxy() as proxy:
            seen.sent("a login, with HTTPS_PROXY set, at a server that answers 307 with another address")
            try:
                async with asyncio.timeout(5):
                    await Api(Verifier(server.address, CaFile(made.pem))).log_in(login)
            except (ParlourClientError, TimeoutError) as error:
                seen.observed(str(error))
            seen.received(bytes(elsewhere.data) or "the other server got no byte")
            seen.received(bytes(proxy.data) or "the proxy got no byte")
            assert server.data or elsewhere.data or proxy.data
            return not elsewhere.data and not proxy.data


@dataclass
class _Proxy:
    """What a proxy was sent."""

    port: int = 0
    data: bytearray = field(default_factory=bytearray)


@asynccontextmanager
async def _proxy() -> AsyncIterator[_Proxy]:
    """Listen where a proxy would, and name it in the environment as a machine's settings do."""
    proxy = _Proxy()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.data += await reader.read(1024)
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    before = {name: os.environ.get(name) for name in _PROXY_NAMES}
    os.environ.update(dict.fromkeys(_PROXY_NAMES, f"http://127.0.0.1:{proxy.port}"))
    try:
        yield proxy
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        server.close()


def _takes(server: ServerAddress, group: int) -> bool:
    with server.plain() as raw:
        raw.sendall(_client_hello(group))
        return _is_hello(_some(raw))


def _is_hello(answer: bytes) -> bool:
    return len(answer) > 5 and (answer[0], answer[5]) == _SERVER_HELLO


def _some(raw: socket.socket) -> bytes:
    try:
        return raw.recv(4096)
    except ConnectionError:
        return b""


def _all(raw: socket.socket) -> bytes:
    answer = b""
    while data := _some(raw):
        answer += data
    return answer


def _client_hello(group: int) -> bytes:
    """Return a ClientHello of TLS 1.3 that offers one group, and no key share (RFC 8446 section 4.1.2)."""
    extensions = b"".join(
        struct.pack("!HH", number, len(body)) + body
        for number, body in (
            (10, struct.pack("!HH", 2, group)),  # supported_groups
            (13, struct.pack("!HHH", 4, 0x0403, 0x0804)),  # signature_algorithms
            (43, b"\x02\x03\x04"),  # supported_versions: TLS 1.3
            (51, b"\x00\x00"),  # key_share
        )
    )
    hello = b"\x03\x03" + bytes(range(32)) + b"\x00\x00\x02\x13\x01\x01\x00"
    hello += struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message
