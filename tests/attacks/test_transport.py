"""Group T over the wire: nothing but TLS 1.3 is spoken, and a recording is worth nothing later."""

import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate
from tests.attacks.raw import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that was started as the command, which has to reach OpenSSL first."""
    made = RunningServer(tmp_path_factory.mktemp("server"))
    made.launcher = []
    made.begin()
    yield made
    made.stop()


def test_plaintext_fallback(server: RunningServer) -> None:
    """T1: a plain HTTP request on the port gets no HTTP answer, and the connection ends."""
    with server.plain() as raw:
        raw.sendall(server.head())
        answer = b""
        while data := _received(raw):
            answer += data
    assert b"HTTP" not in answer
    assert len(answer) < 64  # at most a TLS alert


def _received(raw: socket.socket) -> bytes:
    try:
        return raw.recv(4096)
    except ConnectionError:
        return b""


def test_plaintext_has_no_port(server: RunningServer) -> None:
    """T1, O3: the process listens on its one TLS port, on loopback, and nowhere else."""
    assert _listening(server.pid) == {("0100007F", server.port)}


def _listening(pid: int) -> set[tuple[str, int]]:
    """Return the (hex) addresses on which a process listens, from what the kernel says of its sockets."""
    own = {path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


def test_weak_tls(server: RunningServer) -> None:
    """T2: a client that speaks TLS 1.2 at most is refused in the handshake."""
    context = server.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError, match=r"(?i)protocol"):
        server.connect(context=context)
    with server.wire() as wire:
        assert wire.socket.version() == "TLSv1.3"


TAKEN = {"X25519": 0x001D, "P-256": 0x0017, "P-384": 0x0018}
REFUSED = {
    "P-521": 0x0019,
    "X448": 0x001E,
    "brainpoolP256r1tls13": 0x001F,
    "brainpoolP384r1tls13": 0x0020,
    "brainpoolP512r1tls13": 0x0021,
    "ffdhe2048": 0x0100,
    "ffdhe3072": 0x0101,
    "ffdhe4096": 0x0102,
    "ffdhe6144": 0x0103,
    "ffdhe8192": 0x0104,
    "MLKEM512": 0x0200,
    "MLKEM768": 0x0201,
    "MLKEM1024": 0x0202,
    "SecP256r1MLKEM768": 0x11EB,
    "SecP384r1MLKEM1024": 0x11ED,
    "secp256k1": 0x0016,
    "none that exists": 0x7777,
}


@pytest.mark.parametrize("group", [*TAKEN, *REFUSED])
def test_weak_key_exchange_group(server: RunningServer, group: str) -> None:
    """T2: a client that offers one group alone is served in the listed ones, and refused in every other."""
    with server.plain() as raw:
        raw.sendall(client_hello((TAKEN | REFUSED)[group]))
        answer = _received(raw)
    if group in TAKEN:
        assert (answer[0], answer[5]) == (22, 2)  # a ServerHello: it asks for a share of that group
    else:
        assert answer == b"" or answer[0] == 21  # it hangs up, or sends an alert first


def test_weak_group_first(server: RunningServer) -> None:
    """T2: a client that would rather have a weak group, and brings a share of it, is asked for a good one."""
    with server.plain() as raw:
        raw.sendall(client_hello(REFUSED["P-521"], TAKEN["P-384"], share=b"\x04" + bytes(132)))
        answer = raw.recv(4096)
    key_share = answer.index(b"\x00\x33\x00\x02")
    assert answer[key_share + 4 : key_share + 6] == b"\x00\x18"


def client_hello(*groups: int, share: bytes = b"") -> bytes:
    """Return a ClientHello of TLS 1.3 that offers these groups, and a share of the first if one is given."""
    shares = struct.pack("!HH", groups[0], len(share)) + share if share else b""
    extensions = b"".join(
        struct.pack("!HH", number, len(body)) + body
        for number, body in (
            (10, struct.pack(f"!H{len(groups)}H", 2 * len(groups), *groups)),
            (13, struct.pack("!HHH", 4, 0x0403, 0x0804)),
            (43, b"\x02\x03\x04"),
            (51, struct.pack("!H", len(shares)) + shares),
        )
    )
    hello = b"\x03\x03" + bytes(range(32)) + b"\x00\x00\x02\x13\x01\x01\x00"
    hello += struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def test_long_lived_certificate(server: RunningServer) -> None:
    """T2: the certificate that is served lives for 90 days at most."""
    with server.wire() as wire:
        leaf = load_der_x509_certificate(wire.socket.getpeercert(binary_form=True) or b"")
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=90)


@pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO < (3, 5), reason="OpenSSL has X25519MLKEM768 from 3.5 on")
def test_harvest_now_decrypt_later(server: RunningServer) -> None:
    """T3: the ServerHello of the running server names the post-quantum hybrid X25519MLKEM768 (0x11EC)."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = server.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with server.plain() as raw:
        raw.sendall(outgoing.read())
        hello = raw.recv(4096)
    key_share = hello.index(b"\x00\x33")  # the extension's number; then its length and the group
    assert hello[key_share + 4 : key_share + 6] == b"\x11\xec"
