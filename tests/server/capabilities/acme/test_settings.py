"""The section `acme` in a configuration."""

from pathlib import Path

import pytest

from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.config.server_settings import with_sections
from parlour_server.core.errors import SetupError
from parlour_server.host.config.settings_loader import load


def write(folder: Path, text: str) -> Path:
    """Write the configuration."""
    file = folder / "parlour.toml"
    file.write_text(f"[acme]\n{text}\n", "utf-8")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('directory = "http://ca.example/"', r"line 2: acme\.directory: write https://…"),
        ('names = ["a b"]', r"line 2: acme\.names: "),
        ('listen = ["80"]', r"line 2: acme\.listen: "),
        ('challenge = "dns"', r"line 2: acme\.challenge: .*; write one of dns-01, http-01"),
        ('directry = ""', r"unknown setting acme\.directry; did you mean directory\?"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    """A CA is never spoken with without TLS, for example."""
    with pytest.raises(SetupError, match=sentence):
        load(write(tmp_path, text), CHAT.settings_type, CHAT.name, environment={})


def test_a_server_without_it_does_not_start(tmp_path: Path) -> None:
    """Whoever configures a CA would otherwise wait for its certificates."""
    without = with_sections(ChatSettings, {})
    with pytest.raises(SetupError, match=r"line 1: unknown section \[acme\]"):
        load(write(tmp_path, 'directory = "https://ca.example/"'), without, CHAT.name, environment={})
