"""The application as a whole, in this process: what its parts do only when they are put together."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from cryptography.x509 import Certificate, load_der_x509_certificate

from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.clock import Clock, SystemClock
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.server import Server
from parlour_server.host.setup import certificate_renewal, certificates
from parlour_server.host.setup.certificates import pin_of

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
