"""The kit's attacks, on a server that lists Origins: pages that may be clients open no way for others."""

from typing import Any

import pytest
from msgspec.structs import replace

from parlour_server.app.app import App
from parlour_server.core.config.server_settings import Settings
from parlour_server.testing import attacks
from parlour_server.testing.attacks import *  # noqa: F403 - every attack is a test

from ticker.server import app

pytestmark = pytest.mark.long  # tests/attacks lists an Origin, too


@pytest.fixture
def program() -> App[Any]:
    """Return the ticker with its page."""
    return app


@pytest.fixture
def on_purpose() -> frozenset[str]:
    """Return what anyone may get."""
    return frozenset({"mount /page"})


def _listing(settings: Any) -> Settings:
    changed: Settings = attacks._small_buffers(settings)
    return replace(changed, listen=replace(changed.listen, origins=("https://app.example",)))


@pytest.fixture
def change() -> Any:
    """Return what lists an Origin."""
    return _listing
