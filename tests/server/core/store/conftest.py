"""The store that the engine's tests open: that of a program without tables of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.server.core.store.world import FakeClock, KitWorld
from tests.server.shop_database import PROGRAM

from parlour_server.app.program_store import ProgramStore


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def database(kit_database: Path) -> Path:
    """Give the test a new database of its own."""
    return kit_database


@pytest.fixture
async def store(database: Path, clock: FakeClock) -> AsyncIterator[ProgramStore]:
    """Open a server's store."""
    made = ProgramStore(database, PROGRAM, clock, tells_by_bus=True)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def world(store: ProgramStore, clock: FakeClock) -> KitWorld:
    """Short ways to fill the store."""
    return KitWorld(store, clock)
