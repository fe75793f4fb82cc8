"""The server is known before a word of a credential leaves (T4)."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from parlour_client.kit.errors import CertificateError, PinChangedError, SetupError, UnreachableError
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.session import Session
from parlour_client.kit.transport.trust import (
    CaFile,
    Pin,
    SystemRoots,
    Trust,
    Verifier,
    pin_of,
    security_words,
)
from parlour_client.kit.transport.websocket import open_socket
from parlour_lab.impostor import Made, make, recording
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.api import Login
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret

CA, OTHER_CA = make(ca=True), make(ca=True)
LOGIN = Login(username="alice", password=Secret("CANARY-password"), device=parse_device_name("x"))


IMPOSTORS: dict[str, tuple[Made, Trust]] = {
    "self-signed": (make(), CaFile(CA.pem)),
    "self-signed, against the system's roots": (make(), SystemRoots()),
    "of another CA": (make(issuer=OTHER_CA), CaFile(CA.pem)),
    "of a private CA, against the system's roots": (make(issuer=CA), SystemRoots()),
    "for another host": (make(issuer=CA, names=("198.51.100.1", "example.org")), CaFile(CA.pem)),
    "expired": (make(issuer=CA, expired=True), CaFile(CA.pem)),
    "with another key than the pinned one": (make(issuer=CA), Pin("A" * 43)),
}


@pytest.mark.parametrize("case", IMPOSTORS)
async def test_an_impostor_gets_no_byte_of_a_login(case: str, tmp_path: Path) -> None:
    """The client ends with an error before the server saw any application data."""
    made, trust = IMPOSTORS[case]
    async with recording(made.context(tmp_path)) as server:
        with pytest.raises((CertificateError, PinChangedError)) as refused:
            await Api(Verifier(server.address, trust)).log_in(LOGIN)
    assert bytes(server.data) == b""
    assert "CANARY" not in str(refused.value)
    assert refused.value.stops


@pytest.mark.parametrize("case", IMPOSTORS)
async def test_an_impostor_gets_no_byte_of_a_ticket(case: str, tmp_path: Path) -> None:
    """The same for the WebSocket: the ticket does not leave."""
    made, trust = IMPOSTORS[case]
    async with recording(made.context(tmp_path)) as server:
        with pytest.raises((CertificateError, PinChangedError)):
            await open_socket(WIRE, Verifier(server.address, trust), Session(Secret("CANARY-session")))
    assert bytes(server.data) == b""


async def test_the_recorder_sees_what_is_sent_to_the_right_server(tmp_path: Path) -> None:
    """The tests above could not fail if the recording server saw nothing at all."""
    made = make(issuer=CA)

    async with recording(made.context(tmp_path), _not_found) as server:
        with pytest.raises(UnreachableError):
            await Api(Verifier(server.address, CaFile(CA.pem))).log_in(LOGIN)
    assert b"CANARY-password" in server.data


async def test_a_pinned_server_that_changes_its_key_later_gets_nothing(tmp_path: Path) -> None:
    """A key that changed after the probe is stopped in the TLS stack, and named as what it is."""
    first, second = make(), make()
    async with recording(first.context(tmp_path)) as server:
        verifier = Verifier(server.address, Pin(pin_of(first.der)))
        await verifier.context()  # probed
    async with recording(second.context(tmp_path)) as impostor:
        verifier.address = impostor.address
        with pytest.raises(PinChangedError):
            await Api(verifier).log_in(LOGIN)
    assert bytes(impostor.data) == b""


async def test_a_pinned_server_may_renew_its_certificate(tmp_path: Path) -> None:
    """The pin is of the key: a new certificate for the same key is the same server."""
    first = make()
    second = make(key=first.key)
    async with recording(first.context(tmp_path)) as server:
        verifier = Verifier(server.address, Pin(pin_of(first.der)))
        await verifier.context()
    async with recording(second.context(tmp_path), _not_found) as renewed:
        verifier.address = renewed.address
        with pytest.raises(UnreachableError):
            await Api(verifier).log_in(LOGIN)
    assert b"CANARY-password" in renewed.data


async def test_a_certificate_that_may_be_read_in_two_ways_is_none(tmp_path: Path) -> None:
    """OpenSSL takes a length that is longer than it need be: who knows which key others read there (T4)."""
    made = make()
    fields = made.certificate.tbs_certificate_bytes
    head, version, rest = fields[:2], fields[3:8], fields[8:]
    assert (head, version[:2], rest[:1]) == (b"\x30\x81", b"\xa0\x03", b"\x02")
    fields = head + bytes([len(fields) - 2]) + version + b"\x02\x81" + rest[1:]
    signed = made.key.sign(fields, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    whole = fields + algorithm + b"\x03" + bytes([len(signed) + 1]) + b"\x00" + signed
    file = tmp_path / "other.pem"
    key = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text(key + ssl.DER_cert_to_PEM_cert(b"\x30\x82" + len(whole).to_bytes(2, "big") + whole))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    async with recording(context) as server:
        with pytest.raises(CertificateError):
            await Api(Verifier(server.address, Pin("A" * 43))).log_in(LOGIN)
    assert bytes(server.data) == b""
    assert server.handshakes == 1


async def test_a_probe_sends_no_application_data(tmp_path: Path) -> None:
    """Looking at a server's key is a handshake and nothing else."""
    made = make()
    async with recording(made.context(tmp_path)) as server:
        with pytest.raises(PinChangedError):
            await Verifier(server.address, Pin("B" * 43)).context()
    assert bytes(server.data) == b""


async def test_tls_below_1_3_is_refused(tmp_path: Path) -> None:
    """A server that only speaks TLS 1.2 is not spoken to."""
    context = make(issuer=CA).context(tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with recording(context) as server:
        with pytest.raises(UnreachableError, match=r"TLS 1\.3"):
            await Api(Verifier(server.address, CaFile(CA.pem))).log_in(LOGIN)
    assert bytes(server.data) == b""


async def test_every_context_verifies(tmp_path: Path) -> None:
    """No trust gives a context without verification; only a pin does without the host name."""
    made = make()
    async with recording(made.context(tmp_path)) as server:
        for trust in (SystemRoots(), CaFile(CA.pem), Pin(pin_of(made.der))):
            context = await Verifier(server.address, trust).context()
            assert context.verify_mode is ssl.CERT_REQUIRED
            assert context.check_hostname is not isinstance(trust, Pin)
            assert context.minimum_version is ssl.TLSVersion.TLSv1_3


async def test_a_port_without_a_server_is_one_sentence() -> None:
    """A port where nothing listens is one sentence."""
    with pytest.raises(UnreachableError, match="Nothing is listening"):
        await Verifier(ServerAddress("127.0.0.1", 1), Pin("C" * 43)).context()


def test_a_ca_file_is_checked_when_it_is_read(tmp_path: Path) -> None:
    """A file that holds no certificate is refused at once, not at the first connection."""
    file = tmp_path / "ca.pem"
    for content in ("", "no certificate", "\u00e9"):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(SetupError):
            CaFile.read(file)
    file.write_text(CA.pem)
    assert CaFile.read(file).pem == CA.pem


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "\u0410"])
def test_what_is_no_pin_is_refused(text: str) -> None:
    """A pin has 43 characters of base64url."""
    with pytest.raises(SetupError):
        Pin.parse(text)


def test_the_words_never_promise_security() -> None:
    """The status says how the server is known, and never the word `secure`."""
    for trust in (SystemRoots(), CaFile(""), Pin("D" * 43)):
        words = security_words(trust, "TLSv1.3")
        assert words.startswith("TLS 1.3, ")
        assert "secure" not in words.lower()
    assert security_words(SystemRoots(), None) == "not connected"


async def _not_found(reader, writer) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    await reader.readuntil(b"\r\n\r\n")
    await reader.read(200)
    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
