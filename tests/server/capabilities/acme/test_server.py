"""A running server asks the CA, and goes on without a pause."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from tests.server.capabilities.acme.acme_ca import AcmeCa
from tests.server.capabilities.acme.asking import asking
from tests.server.chat.test_app import PATIENCE, served

from parlour_server.capabilities.acme import renewal
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.chat.program import CHAT
from parlour_server.core.clock import SystemClock
from parlour_server.core.config.server_settings import Connections, Listen
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.server import Server
from parlour_server.host.setup import certificate_renewal
from parlour_server.host.setup.certificates import pin_of, read_certificate

pytest.importorskip("acme")


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
        try:
            yield server.server_address[1], places.append
        finally:
            server.shutdown()
            thread.join()


async def test_a_certificate_by_acme_reaches_new_connections_and_keeps_open_ones(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2: the CA follows a redirect of port 80 to this server's own port; the key, and so the pin, stays."""
    monkeypatch.setattr(certificate_renewal, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(renewal, "LOOK_SECONDS", 0.02)
    ca, own = AcmeCa(), read_certificate(folder.certificate)
    listen = Listen(address="127.0.0.1:0")
    patient = Connections(request_seconds=int(PATIENCE))  # the open connection asks only when all is done
    context = ssl.create_default_context(cafile=str(folder.ca_certificate))
    with ca.running(tmp_path / "ca") as trusted, redirecting() as (port_80, send_to):
        ca.validate_at = ("127.0.0.1", port_80)
        asks = AcmeSettings(directory=ca.url, terms_agreed="yes", ca_file=str(trusted), names=("localhost",))
        server = await Server.start(
            CHAT, folder, asking(AcmeSettings(), listen, patient), clock=SystemClock()
        )
        try:
            port = urlsplit(server.url).port or 0
            send_to(f"https://localhost:{port}")
            reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
            server.reload(asking(asks, listen, patient))
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
