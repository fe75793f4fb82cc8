"""The chat's world, for every test of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.server.chat.service.disk import DiskWorld
from tests.server.chat.service.fakes import FakeClock, World, world

from parlour_server.chat.program import CHAT
from parlour_server.core.connections import batching as pacing


@pytest.fixture
async def chat(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Give a world without a practical limit on how fast anyone may be, and without pacing by cost."""
    monkeypatch.setattr(pacing, "_SHARE", 0.0)
    async with world() as made:
        yield made


@pytest.fixture
async def disk(database: Path) -> AsyncIterator[DiskWorld]:
    """Give a world whose store is a new file."""
    store = CHAT.make_store(database, FakeClock())
    await store.open()
    world = DiskWorld(store)
    yield world
    await world.chat.close()
    await store.close()
