"""Fixtures of the core's tests: a server in memory, and a desk with a home folder at it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.core.core_fake import Desk, FakeServer


@pytest.fixture
def server() -> FakeServer:
    """Return a server with a lobby."""
    return FakeServer()


@pytest.fixture
async def desk(tmp_path: Path, server: FakeServer) -> AsyncIterator[Desk]:
    """Return a home folder that is logged in at the server; its clients are stopped at the end."""
    desk = Desk(tmp_path / "home", server)
    await desk.sign_in()
    yield desk
    await desk.close()
