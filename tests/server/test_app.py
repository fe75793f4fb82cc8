"""The application as a whole, in this process: what its parts do only when they are put together."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from cryptography.x509 import Certificate, load_der_x509_certificate
from tests.server.kit.setup.acme.acme_ca import AcmeCa

from parlour_server.chat_program import CHAT
from parlour_server.chat_settings import ChatSettings
from parlour_server.kit.clock import Clock, SystemClock
from parlour_server.kit.config.server_settings import AcmeSettings, Connections, Listen
from parlour_server.kit.server import Server
from parlour_server.kit.setup import certificate_renewal, certificates
from parlour_server.kit.setup.acme import renewal as acme_renewal
from parlour_server.kit.setup.certificates import pin_of, read_certificate
from parlour_server.kit.setup.data_folder import DataFolder

PATIENCE = 60.0


@asynccontextmanager
async def running(folder: DataFolder, clock: Clock) -> AsyncIterator[int]:
    """Run a server; gives its port."""
    server = await Server.start(CHAT, folder, ChatSettings(listen=Listen(address="127.0.0.1:0")), clock=clock)
    try:
        yield urlsplit(server.url).port or 0
    finally:
        await server.stop()


async def served(folder: DataFolder, port: int, context: ssl.SSLContext | None = None) -> Certificate:
    """Connect as a good client and return the certificate that the server shows."""
    context = context or ssl.create_default_context(cafile=str(folder.ca_certificate))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return load_der_x509_certificate(shown)


@contextmanager
def redirecting() -> Iterator[tuple[int, Callable[[str], None]]]:
    """Redirect a port to wherever the test says, as people do with port 80; gives the port."""
    places: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", places[-1] + self.path)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1], places.append
        server.shutdown()
        thread.join()


async def test_a_certificate_is_renewed_while_the_server_runs(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2: when it is time, new connections are shown a new certificate of the same key."""
    monkeypatch.setattr(certificate_renewal, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(certificate_renewal, "CHECK_SECONDS", 0.2)
    async with running(folder, SystemClock()) as port:
        before = await served(folder, port)
        monkeypatch.setattr(certificates, "_RENEW_BEFORE", timedelta(days=365))  # it is time
        async with asyncio.timeout(PATIENCE):
            while (after := await served(folder, port)).serial_number == before.serial_number:
                pass
    assert pin_of(after) == pin_of(before)


async def test_a_certificate_by_acme_reaches_new_connections_and_keeps_open_ones(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2: the CA follows a redirect of port 80 to this server's own port; the key, and so the pin, stays."""
    pytest.importorskip("acme")
    monkeypatch.setattr(certificate_renewal, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(acme_renewal, "LOOK_SECONDS", 0.02)
    ca, own = AcmeCa(), read_certificate(folder.certificate)
    listen = Listen(address="127.0.0.1:0")
    patient = Connections(request_seconds=int(PATIENCE))  # the open connection asks only when all is done
    context = ssl.create_default_context(cafile=str(folder.ca_certificate))
    with ca.running(tmp_path / "ca") as trusted, redirecting() as (port_80, send_to):
        ca.validate_at = ("127.0.0.1", port_80)
        asks = AcmeSettings(directory=ca.url, terms_agreed="yes", ca_file=str(trusted), names=("localhost",))
        server = await Server.start(
            CHAT, folder, ChatSettings(listen=listen, connections=patient), clock=SystemClock()
        )
        try:
            port = urlsplit(server.url).port or 0
            send_to(f"https://localhost:{port}")
            reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
            server.reload(ChatSettings(listen=listen, connections=patient, acme=asks))
            context.load_verify_locations(str(trusted))
            shown = own
            async with asyncio.timeout(PATIENCE):
                while shown.issuer == own.issuer:
                    shown = await served(folder, port, context)
            writer.write(f"GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 204 ")
            writer.close()
        finally:
            await server.stop()
    assert pin_of(shown) == pin_of(own)
    assert [urlsplit(url).scheme for url in ca.validated] == ["http", "https"]
