"""TLS: versions, key files, renewal, key exchange."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from parlour_server.core.errors import SetupError
from parlour_server.core.net.tls_context import CLEANSE_PLAINTEXT, TlsFiles


async def test_tls_1_2_is_refused(bench: Any) -> None:
    """T2: a client that offers TLS 1.2 at most is not served."""
    async with bench() as b:
        context = b.pair.trusting_context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(OSError, match=r".*"):
            await asyncio.open_connection("127.0.0.1", b.port, ssl=context, server_hostname="localhost")


async def test_what_is_negotiated(bench: Any) -> None:
    """T2: TLS 1.3, HTTP/1.1 by ALPN and never another, and no session ticket."""
    async with bench() as b:
        context = b.pair.trusting_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection(
            "127.0.0.1", b.port, ssl=context, server_hostname="localhost"
        )
        tls = writer.get_extra_info("ssl_object")
        assert tls.version() == "TLSv1.3"
        assert tls.selected_alpn_protocol() == "http/1.1"
        assert b.tls.context.num_tickets == 0
        writer.transport.abort()


@pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO < (3, 5), reason="OpenSSL has X25519MLKEM768 from 3.5 on")
def test_harvest_now_decrypt_later(pair: Any) -> None:
    """T3: the server answers a client that offers X25519MLKEM768 with that group (0x11EC)."""
    context = TlsFiles(pair.certificate, pair.key).context
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = pair.trusting_context().wrap_bio(to_client_copy := ssl.MemoryBIO(), to_server)
    del to_client_copy
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    hello = to_client.read()
    key_share = hello.index(b"\x00\x33")  # the extension's number; then its length and the group
    assert hello[key_share + 4 : key_share + 6] == b"\x11\xec"


def copied(pair: Any, folder: Path) -> tuple[Path, Path]:
    """Copy a pair into a folder of its own."""
    certificate, key = folder / "c.pem", folder / "k.pem"
    certificate.write_bytes(pair.certificate.read_bytes())
    key.touch(0o600)
    key.write_bytes(pair.key.read_bytes())
    return certificate, key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_that_others_can_read(pair: Any, tmp_path: Path, mode: int) -> None:
    """T1: the server does not start with such a key, and says how to mend it."""
    certificate, key = copied(pair, tmp_path)
    key.chmod(mode)
    with pytest.raises(SetupError, match="chmod 600"):
        TlsFiles(certificate, key)


def test_files_that_are_missing_or_no_pair(pair: Any, tmp_path: Path) -> None:
    """T1: without a usable pair there is no server."""
    certificate, key = copied(pair, tmp_path)
    with pytest.raises(SetupError, match="cannot read the key"):
        TlsFiles(certificate, tmp_path / "none")
    with pytest.raises(SetupError, match="do not work together"):
        TlsFiles(tmp_path / "none", key)
    key.write_text("nonsense")
    with pytest.raises(SetupError, match="do not work together"):
        TlsFiles(certificate, key)


async def test_renewal_without_a_restart(bench: Any, tmp_path: Path) -> None:
    """New connections get the new certificate; a bad new pair changes nothing and says so."""
    async with bench() as b:
        certificate, key = copied(b.pair, tmp_path)
        tls = TlsFiles(certificate, key)
        b.server._listener._tls = tls
        before = await b.chatting()
        first = tls.context
        key.write_text("nonsense")
        with pytest.raises(SetupError, match="the old certificate stays in use"):
            tls.reload()
        assert tls.context is first
        key.write_bytes(b.pair.key.read_bytes())
        tls.reload()
        assert tls.context is not first
        await b.chatting()
        before.send_frame(1, b"still here")
        assert await before.frame() == (1, b"still here")


def test_what_was_read_is_wiped(pair: Any) -> None:
    """L18: OpenSSL keeps no plaintext in its buffers once it was read."""
    assert TlsFiles(pair.certificate, pair.key).context.options & CLEANSE_PLAINTEXT
