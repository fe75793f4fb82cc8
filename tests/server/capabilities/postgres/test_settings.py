"""The section `database`: what everyone may see of it."""

import msgspec
import pytest

from parlour_server.capabilities.postgres.settings import DatabaseSettings
from parlour_server.core.config.server_settings import Settings, with_sections
from parlour_server.core.config.settings_table import rows


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        (
            "postgresql://ada@db.example/chat?sslmode=require",
            "postgresql://ada@db.example/chat?sslmode=require",
        ),
        ("postgresql://ada:hush@db.example/chat", "postgresql://ada:…@db.example/chat"),
        ("postgresql://ada:hu?h/us@h@db.example/chat", "postgresql://ada:…@db.example/chat"),
        ("postgresql:///chat?host=/run&pass%77ord=hush", "postgresql:///chat?host=/run&password=…"),
    ],
)
def test_a_password_in_a_url_is_not_shown(url: str, shown: str) -> None:
    """O2: `doctor` prints every setting, for everyone who helps."""
    settings = msgspec.convert(
        {"database": {"url": url}}, with_sections(Settings, {"database": DatabaseSettings})
    )
    assert [row.shown for row in rows(settings) if row.name == "database.url"] == [shown]
