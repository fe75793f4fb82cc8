"""Group T over the wire: nothing but TLS 1.3 is spoken, and a recording is worth nothing later."""

import socket
import ssl
from pathlib import Path

import pytest
from tests.attacks.raw import House


def test_plaintext_fallback(house: House) -> None:
    """T1: a plain HTTP request on the port gets no HTTP answer, and the connection ends."""
    with house.plain() as raw:
        raw.sendall(house.head())
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


def test_plaintext_has_no_port(house: House) -> None:
    """T1, O3: the process listens on its one TLS port, on loopback, and nowhere else."""
    assert _listening(house.pid) == {("0100007F", house.port)}


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


def test_weak_tls(house: House) -> None:
    """T2: a client that speaks TLS 1.2 at most is refused in the handshake."""
    context = house.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError, match=r"(?i)protocol"):
        house.connect(context=context)
    with house.wire() as wire:
        assert wire.socket.version() == "TLSv1.3"


@pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO < (3, 5), reason="OpenSSL has X25519MLKEM768 from 3.5 on")
def test_harvest_now_decrypt_later(house: House) -> None:
    """T3: the ServerHello of the running server names the post-quantum hybrid X25519MLKEM768 (0x11EC)."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = house.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with house.plain() as raw:
        raw.sendall(outgoing.read())
        hello = raw.recv(4096)
    key_share = hello.index(b"\x00\x33")  # the extension's number; then its length and the group
    assert hello[key_share + 4 : key_share + 6] == b"\x11\xec"
