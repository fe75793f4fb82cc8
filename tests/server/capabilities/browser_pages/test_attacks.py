"""The kit's attacks, on a server that lists Origins: pages that may be clients open no way for others."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from parlour_server.app.app import App
from parlour_server.core.config.server_settings import Settings
from parlour_server.testing import attacks
from parlour_server.testing.attacks import *  # noqa: F403 - every attack is a test
from parlour_server.testing.server import World

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


@pytest_asyncio.fixture
async def world(program: App[Any], initialised: dict[str, Path], tmp_path: Path) -> AsyncIterator[World]:
    """Run the program with a listed Origin."""
    async with attacks._running(program, initialised, tmp_path, _listing) as found:
        yield found
