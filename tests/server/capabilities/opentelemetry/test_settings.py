"""The address of a collector: traces go through no network in the clear."""

from pathlib import Path

import pytest

from parlour_server.capabilities.opentelemetry.settings import TracingSettings
from parlour_server.core.config.server_settings import Settings, section, with_sections
from parlour_server.core.errors import SetupError
from parlour_server.core.program_name import ProgramName
from parlour_server.host.config.settings_loader import load

SETTINGS = with_sections(Settings, {"tracing": TracingSettings})
NAME = ProgramName("toy", "Toy", "toy-server")


def endpoint(folder: Path, address: str) -> str:
    """Return the endpoint that is read from a configuration file."""
    file = folder / "toy.toml"
    file.write_text(f'[tracing]\nendpoint = "{address}"\n')
    file.chmod(0o600)
    return section(load(file, SETTINGS, NAME, environment={}), TracingSettings).endpoint


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("collector:4318", "write https://host/v1/traces"),
        ("https://", "write https://host/v1/traces"),
        ("http://[::1", "write https://host/v1/traces"),
        ("http://h.example/v1/traces", "h.example is another machine: use https"),
    ],
)
def test_an_address_that_cannot_be_used(address: str, sentence: str, tmp_path: Path) -> None:
    """Refused with the place in the file."""
    with pytest.raises(SetupError, match=r"line 2: tracing\.endpoint: ") as found:
        endpoint(tmp_path, address)
    assert sentence in str(found.value)


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:4318/v1/traces", "https://h.example/v1/traces"])
def test_an_address_that_can(address: str, tmp_path: Path) -> None:
    """TLS, or this machine."""
    assert endpoint(tmp_path, address) == address
