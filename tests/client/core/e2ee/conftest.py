"""Fixtures of the tests of encryption: a server of devices and keys in memory, and people at it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Return an honest server with no one at it; the homes that a test makes are closed at the end."""
    made = World(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    """Return a whole server in memory; the clients that a test opens are stopped at the end."""
    made = Harness(tmp_path)
    yield made
    await made.end()
