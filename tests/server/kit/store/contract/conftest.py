"""The stores that hold accounts: that of programs without tables of their own, and the chat's."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest
from tests.server.kit.conftest import PROGRAM
from tests.server.kit.store.world import FakeClock, KitWorld

from parlour_server.kit.sqlite_kit_store import SqliteKitStore
from parlour_server.kit.store.interface import KitStore
from parlour_server.store.chat_schema import SCHEMA as CHAT_SCHEMA
from parlour_server.store.sqlite.sqlite_store import SqliteStore

Maker = Callable[[pytest.FixtureRequest, FakeClock], KitStore]


def _kit(request: pytest.FixtureRequest, clock: FakeClock) -> KitStore:
    path: Path = request.getfixturevalue("kit_database")
    return SqliteKitStore(path, PROGRAM, clock)


def _chat(request: pytest.FixtureRequest, clock: FakeClock) -> KitStore:
    new: Path = request.getfixturevalue("new_chat_database")
    path = Path(shutil.copy(new, request.getfixturevalue("tmp_path") / "parlour.db"))
    return SqliteStore(path, clock)


MAKERS: Final[dict[str, Maker]] = {"kit": _kit, "chat": _chat}


@pytest.fixture(scope="session")
def new_chat_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database as the chat's `init` does, once: only to be copied."""
    path = tmp_path_factory.mktemp("chat") / "parlour.db"
    CHAT_SCHEMA.create(path)
    return path


@pytest.fixture(params=sorted(MAKERS))
async def world(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[KitWorld]:
    """Short ways to fill a store."""
    store = MAKERS[request.param](request, clock)
    await store.open()
    yield KitWorld(store, clock)
    await store.close()
