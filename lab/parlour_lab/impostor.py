"""Certificates and small TLS servers on loopback that write down every byte of application data they get."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from parlour_protocol.kit.invite_link import ServerAddress

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """As text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        """As bytes."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def context(self, folder: Path) -> ssl.SSLContext:
        """Return a server's context with it."""
        file = folder / f"{self.certificate.serial_number}.pem"
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(self.pem.encode() + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def make(
    *,
    issuer: Made | None = None,
    names: tuple[str, ...] = ("127.0.0.1",),
    ca: bool = False,
    expired: bool = False,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Made:
    """Make a certificate; without an issuer it vouches for itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA" if ca else "a server")])
    by = issuer.certificate.subject if issuer else subject
    end = dt.datetime.now(dt.UTC) + (-1 if expired else 30) * DAY
    alternatives = [x509.IPAddress(ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 60 * DAY)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return Made(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


class Recorder:
    """What a server saw."""

    def __init__(self) -> None:
        self.handshakes = 0
        self.data = bytearray()
        self.address = ServerAddress("127.0.0.1", 1)


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what comes and say nothing."""
    await reader.read()
    writer.close()


@asynccontextmanager
async def recording(context: ssl.SSLContext, answer: Answer | None = None) -> AsyncIterator[Recorder]:
    """Serve TLS on a free port of loopback; ``answer`` speaks, else the server only listens."""
    recorder = Recorder()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recorder.handshakes += 1
        feed = reader.feed_data
        recorder.data += bytes(reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - what came first

        def note(data: bytes) -> None:
            recorder.data.extend(data)
            feed(data)

        reader.feed_data = note  # type: ignore[assignment, method-assign]
        try:
            await (answer or _silence)(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    recorder.address = ServerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield recorder
    finally:
        server.close()
        await asyncio.sleep(0)
