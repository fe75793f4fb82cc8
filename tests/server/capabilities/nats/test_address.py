"""Where NATS is: TLS and credentials, verified by default; refusals are one sentence without secrets."""

import asyncio
import base64
import binascii
import contextlib
import json
import struct
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.nats import NatsServer

from parlour_server.capabilities.nats import bus as nats_bus
from parlour_server.capabilities.nats.address import NatsAddress
from parlour_server.capabilities.nats.bus import NatsBus
from parlour_server.chat.name import NAME
from parlour_server.core.bus.bus import NoticeType, SessionsEnded
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificates import make_keys, renew_if_due

JWT = "-----BEGIN NATS USER JWT-----"
INFO = b'INFO {"auth_required":true,"tls_required":false,"max_payload":9999}\r\n'
TYPES = (NoticeType(SessionsEnded, "ended"),)


SEED, OPERATOR, ACCOUNT, USER = 18 << 3, 14 << 3, 0, 20 << 3
"""The prefixes of NATS's keys."""


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("nats://127.0.0.1", ("nats://127.0.0.1:4222",)),
        ("nats://localhost:4000", ("nats://localhost:4000",)),
        ("nats://[::1]", ("nats://[::1]:4222",)),
        ("nats://bus.example?tls=off", ("nats://bus.example:4222",)),
        ("tls://a.example, tls://b.example:5", ("tls://a.example:4222", "tls://b.example:5")),
    ],
)
def test_urls_that_are_fine(url: str, urls: tuple[str, ...]):
    """On this machine, with TLS, or with words that say that it has none."""
    address = NatsAddress.parse(url)
    assert address.urls == urls
    assert (address.tls is None) == url.startswith("nats:")
    assert address.is_open == ("tls=off" in url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nats://bus.example", "anyone on the way could read and forge"),
        ("nats://10.0.0.7:4222", "anyone on the way could read and forge"),
        ("nats://127.0.0.1, nats://10.0.0.7", "at 10.0.0.7"),
        ("tls://a.example,nats://127.0.0.1", "for all of them"),
        ("tls://ada:canary@bus.example", "contains credentials"),
        ("tls://canary@bus.example", "contains credentials"),
        ("http://bus.example", "must be tls://host:port"),
        ("bus.example:4222", "must be tls://host:port"),
        ("tls://", "must be tls://host:port"),
        ("tls://bus.example/room", "must be tls://host:port"),
        ("tls://bus.example:99999", "is not a URL"),
        ("tls://bus.example?verify=off", "no option but tls=off"),
    ],
)
def test_urls_that_are_refused(url: str, sentence: str):
    """With what to do instead, and without the secret that may be in them."""
    with pytest.raises(SetupError, match=sentence) as refused:
        NatsAddress.parse(url)
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_credentials_file_is_one_line_or_one_of_nats(tmp_path: Path):
    """The file is read for each connection, so that a new secret needs no restart."""
    file = tmp_path / "credentials"
    address = NatsAddress.parse("nats://127.0.0.1", credentials_file=file)
    for text, expected in (
        ("ada:se:cret\n", {"user": "ada", "password": "se:cret"}),
        ("token\n", {"token": "token"}),
    ):
        file.write_text(text)
        assert address.credentials() == expected
        assert "cret" not in f"{address!r}{address}"
    for text, sentence in (
        ("", "one line"),
        ("two\nlines", "one line"),
        ("-----BEGIN NATS USER JWT-----", "is damaged"),
    ):
        file.write_text(text)
        with pytest.raises(SetupError, match=sentence):
            address.credentials()
    file.unlink()
    with pytest.raises(SetupError, match="cannot read"):
        address.credentials()
    with pytest.raises(SetupError, match=r"bus\.ca_file"):
        NatsAddress.parse("tls://bus.example", ca_file=file)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up closing soon: the library waits for the end of a TLS that never began."""
    monkeypatch.setattr(nats_bus, "_CLOSE_SECONDS", 0.05)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Return a folder with a CA, and a certificate by it for localhost."""
    folder = DataFolder(tmp_path / "data", NAME)
    folder.create()
    make_keys(folder, had_database=False)
    renew_if_due(folder, ("localhost",))
    return folder


@pytest.fixture
def secured(folder: DataFolder) -> Iterator[NatsServer]:
    """Start a NATS server that speaks TLS from the first byte."""
    place = NatsServer(
        f"tls {{ cert_file: '{folder.certificate}', key_file: '{folder.key}', handshake_first: true }}\n"
    )
    yield place
    place.close()


async def test_tls_is_verified(secured: NatsServer, folder: DataFolder):
    """By the CA that the operator names, and for the name in the URL."""
    url = f"tls://localhost:{secured.port}"
    bus = _bus(NatsAddress.parse(url, ca_file=folder.ca_certificate))
    await bus.open()
    assert bus.connected
    await bus.close()
    for address in (
        NatsAddress.parse(url),
        NatsAddress.parse(f"tls://127.0.0.1:{secured.port}", ca_file=folder.ca_certificate),
    ):
        with pytest.raises(SetupError, match="cannot be trusted"):
            await _bus(address).open()


async def test_a_server_without_tls_gets_no_credentials(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It asks for them in plain text, as someone in between would: what it gets is a TLS handshake."""
    monkeypatch.setattr(nats_bus, "_CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(nats_bus, "_OPEN_SECONDS", 0.3)
    credentials = tmp_path / "credentials"
    credentials.write_text("ada:canary")
    heard = bytearray()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        heard.extend(await reader.read(4096))
        writer.close()

    async with await asyncio.start_server(ask, "127.0.0.1", 0) as impostor:
        port = impostor.sockets[0].getsockname()[1]
        address = NatsAddress.parse(
            f"tls://localhost:{port}", credentials_file=credentials, ca_file=folder.ca_certificate
        )
        bus = _bus(address)
        with contextlib.suppress(SetupError):  # when its answer is taken for one of TLS
            await bus.open()
        assert not bus.connected
        await bus.close()
    assert heard
    assert b"canary" not in heard
    assert b"CONNECT" not in heard


def _bus(address: NatsAddress) -> NatsBus:
    return NatsBus(address, TYPES, prefix="p", clock=SystemClock())


def test_a_creds_file_of_nats_is_accepted(tmp_path: Path):
    """The server knows the operator and the account; the file has the JWT of a user and its seed."""
    operator = _Pair(OPERATOR)
    account = _Pair(ACCOUNT)
    user = _Pair(USER)
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    accounts = _jwt(operator, account, {"type": "account", "limits": {**unlimited, "wildcards": True}})
    users = _jwt(account, user, {"type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1})
    (tmp_path / "nats.creds").write_text(
        f"{JWT}\n{users}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
    )
    place = NatsServer(
        f"operator: {_jwt(operator, operator, {'type': 'operator'})}\nresolver: MEMORY\n"
        f"resolver_preload: {{{account.public_key.decode()}: {accounts}}}\n"
    )
    try:
        address = NatsAddress.parse(place.url, credentials_file=tmp_path / "nats.creds")
        bus = NatsBus(address, TYPES, prefix="p", clock=SystemClock())
        assert asyncio.run(bus.check()) > 0
    finally:
        place.close()


@pytest.mark.parametrize("seed", ["", "SUCANARY", "canary!", "SU" + "A" * 56])
def test_a_damaged_creds_file_is_refused(tmp_path: Path, seed: str):
    """Before it reaches the library, whose errors would end the bus."""
    file = tmp_path / "nats.creds"
    file.write_text(
        f"{JWT}\na.b.c\n------END NATS USER JWT------\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    with pytest.raises(SetupError, match="is damaged") as refused:
        NatsAddress.parse("nats://127.0.0.1", credentials_file=file).credentials()
    assert "canary" not in str(refused.value).lower()


class _Pair:
    """A key of NATS, in its base32 form."""

    def __init__(self, kind: int) -> None:
        self._key = Ed25519PrivateKey.generate()
        public, private = self._key.public_key().public_bytes_raw(), self._key.private_bytes_raw()
        self.public_key = _text(bytes([kind]) + public)
        self.seed = _text(bytes([SEED | kind >> 5, kind << 3 & 0xFF]) + private)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def _text(data: bytes) -> bytes:
    return base64.b32encode(data + struct.pack("<H", binascii.crc_hqx(data, 0))).rstrip(b"=")


def _jwt(issuer: _Pair, subject: _Pair, claims: dict[str, object]) -> str:
    """Return a JWT of NATS, version 2."""
    body = {
        "jti": "1",
        "iat": 1,
        "iss": issuer.public_key.decode(),
        "sub": subject.public_key.decode(),
        "nats": {**claims, "version": 2},
    }
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    signed = b".".join(_base64(json.dumps(part).encode()) for part in (head, body))
    return b".".join((signed, _base64(issuer.sign(signed)))).decode()


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
