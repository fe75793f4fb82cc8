"""The tests here are of SQLite's file: its store is the only one."""

from pathlib import Path

import pytest
from tests.server.chat.store.world import StoreMaker

from parlour_server.chat.program import CHAT


@pytest.fixture
def maker(database: Path) -> StoreMaker:
    """Make stores, not yet open, that share one new file."""
    return lambda clock, by_bus: CHAT.make_store(database, clock, tells_by_bus=by_bus)
