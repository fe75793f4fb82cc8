"""The chat's world, for every test of this folder."""

from collections.abc import AsyncIterator

import pytest
from tests.server.chat.fakes import World, world


@pytest.fixture
async def chat() -> AsyncIterator[World]:
    """Give a world without a practical limit on how fast anybody may be."""
    async with world() as made:
        yield made
