"""Which names a certificate of another CA must have."""

from pathlib import Path

from parlour_server.app.capability import Capability, Served
from parlour_server.app.certificate_source import CertificateSource
from parlour_server.chat.name import NAME
from parlour_server.core.config.server_settings import Listen, Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.certificate_source import public_names, source_of

LISTEN = Listen(names=("localhost", "127.0.0.1", "::1", "Chat.example.org:443", "[2001:DB8::1]:443"))


def test_a_public_certificate_needs_no_name_of_loopback() -> None:
    """No CA signs `localhost`; ports belong to no name."""
    assert public_names(Settings(listen=LISTEN)) == ("chat.example.org", "2001:db8::1")


def test_a_capability_knows_the_names_better(tmp_path: Path) -> None:
    """Without one that asks a CA, the server's public names are needed, and no one renews."""
    folder, settings = DataFolder(tmp_path, NAME), Settings(listen=LISTEN)
    none, some = Capability(name="none"), CertificateSource(("b.example.org",), "a CA")
    assert source_of((none,), folder, settings) == CertificateSource(public_names(settings))
    asks = Capability(name="asks", served=lambda: Served(certificates=lambda _folder, _settings: some))
    assert source_of((none, asks), folder, settings) is some
