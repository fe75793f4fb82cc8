"""The stores that hold accounts: the kit's own and the chat's, on both engines."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import psycopg
import pytest
from tests.server.core.store.world import FakeClock, KitWorld
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_server.app.program_store import ProgramStore
from parlour_server.chat.program import CHAT
from parlour_server.core.kit_store import KitStore
from tests import postgres

Maker = Callable[[pytest.FixtureRequest, FakeClock], KitStore]


def _kit(request: pytest.FixtureRequest, clock: FakeClock) -> KitStore:
    path: Path = request.getfixturevalue("kit_database")
    return ProgramStore(path, PROGRAM, clock)


def _chat(request: pytest.FixtureRequest, clock: FakeClock) -> KitStore:
    new: Path = request.getfixturevalue("new_database")
    path = Path(shutil.copy(new, request.getfixturevalue("tmp_path") / "parlour.db"))
    return CHAT.make_store(path, clock)


def _kit_on_postgres(_request: pytest.FixtureRequest, clock: FakeClock) -> KitStore:
    return ProgramStore(postgres.database("kit", SCHEMA), PROGRAM, clock)


def _chat_on_postgres(_request: pytest.FixtureRequest, clock: FakeClock) -> KitStore:
    return CHAT.make_store(postgres.database("chat", CHAT.schema), clock)


MAKERS: Final[dict[str, Maker]] = {
    "kit": _kit,
    "chat": _chat,
    "kit-on-postgres": _kit_on_postgres,
    "chat-on-postgres": _chat_on_postgres,
}
ADDS_VARIETY: Final = {"chat-on-postgres": pytest.mark.long}
"""The tables of one of the others, on the engine of another."""


class DatabasesClock(FakeClock):
    """A clock whose tickets' time is the database's, which moves on with it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._dsn = postgres.dsn(name)

    def forward(self, seconds: float) -> None:
        """Let time pass, for the database too: its tickets are that much older."""
        super().forward(seconds)
        with psycopg.connect(self._dsn) as connection:
            connection.execute("UPDATE tickets SET expires = expires - %s", (int(seconds * 1000),))


@pytest.fixture(params=[pytest.param(name, marks=ADDS_VARIETY.get(name, ())) for name in sorted(MAKERS)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[KitWorld]:
    """Short ways to fill a store."""
    name, _, shared = request.param.partition("-")
    clock = DatabasesClock(name) if shared else FakeClock()
    store = MAKERS[request.param](request, clock)
    await store.open()
    yield KitWorld(store, clock)
    await store.close()
