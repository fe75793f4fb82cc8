"""The engines that the contract is held against: add one to ``MAKERS`` and it is tested."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest
from tests.server.chat.store.encryption_world import Delivery
from tests.server.chat.store.world import FakeClock, StoreMaker, World

from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from tests import postgres


def _sqlite(request: pytest.FixtureRequest) -> StoreMaker:
    path: Path = request.getfixturevalue("database")
    return lambda clock, by_bus: CHAT.make_store(path, clock, tells_by_bus=by_bus)


def _postgres(_request: pytest.FixtureRequest) -> StoreMaker:
    engine = postgres.database("chat", CHAT.schema)
    return lambda clock, by_bus: CHAT.make_store(engine, clock, tells_by_bus=by_bus)


MAKERS: Final[dict[str, Callable[[pytest.FixtureRequest], StoreMaker]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
}


@pytest.fixture
def clock() -> FakeClock:
    """Make a clock that stands still."""
    return FakeClock()


@pytest.fixture(params=sorted(MAKERS))
def maker(request: pytest.FixtureRequest) -> StoreMaker:
    """Make stores, not yet open, that share one new database: (clock, tells_by_bus) -> store."""
    return MAKERS[request.param](request)


@pytest.fixture
async def store(maker: StoreMaker, clock: FakeClock) -> AsyncIterator[ChatStore]:
    """Open a server's store."""
    made = maker(clock, True)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def administration(store: ChatStore, maker: StoreMaker, clock: FakeClock) -> AsyncIterator[ChatStore]:
    """Open a second store on the same database, as an administration command does while the server runs."""
    assert store is not None
    made = maker(clock, False)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def world(store: ChatStore, clock: FakeClock) -> World:
    """Short ways to fill the store."""
    return World(store, clock)


@pytest.fixture
def delivery(world: World) -> Delivery:
    """Short ways to make devices, groups and commits in the store."""
    return Delivery(world)
