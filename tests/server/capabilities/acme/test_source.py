"""Which names the CA is asked for."""

from tests.server.capabilities.acme.asking import asking

from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.capabilities.acme.source import wanted_names
from parlour_server.core.config.server_settings import Listen, Settings


def test_chosen_names_are_wanted_as_they_are() -> None:
    """Without them those of the server, but for loopback; a private CA may sign those, too."""
    listen = Listen(names=("localhost", "chat.example.org:443"))
    assert wanted_names(Settings(listen=listen)) == ("chat.example.org",)
    chosen = AcmeSettings(names=("localhost", "B.example.org"))
    assert wanted_names(asking(chosen, listen)) == ("localhost", "b.example.org")
