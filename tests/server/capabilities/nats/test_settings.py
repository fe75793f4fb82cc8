"""The section `bus`: what is refused in it, and what everyone may see of it."""

import msgspec
import pytest

from parlour_server.capabilities.nats.settings import BusSettings
from parlour_server.core.config.server_settings import Settings, with_sections
from parlour_server.core.config.settings_table import rows


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("nats://ada:hush@db.example", "nats://ada:…@db.example"),
        ("tls://hush@db.example", "tls://…@db.example"),
    ],
)
def test_a_password_or_a_token_in_the_url_is_not_shown(url: str, shown: str) -> None:
    """O2: `doctor` prints every setting, for everyone who helps."""
    settings = msgspec.convert({"bus": {"url": url}}, with_sections(Settings, {"bus": BusSettings}))
    assert [row.shown for row in rows(settings) if row.name == "bus.url"] == [shown]
