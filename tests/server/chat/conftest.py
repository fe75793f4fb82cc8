"""The chat's world, for every test of this folder."""

from collections.abc import AsyncIterator

import pytest
from tests.server.chat.fakes import World, world

from parlour_server.chat import pacing


@pytest.fixture
async def chat(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Give a world without a practical limit on how fast anybody may be, and without pacing by cost."""
    monkeypatch.setattr(pacing, "_SHARE", 0.0)
    async with world() as made:
        yield made
