"""The tests here are of SQLite's file: its store is the only one."""

from pathlib import Path

import pytest
from tests.server.chat.store.world import StoreMaker

from parlour_server.chat.store.chat_store import ChatStore


@pytest.fixture
def maker(database: Path) -> StoreMaker:
    """Make stores, not yet open, that share one new file."""
    return lambda clock, by_bus: ChatStore(database, clock, tells_by_bus=by_bus)
