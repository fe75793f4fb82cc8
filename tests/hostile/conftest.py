"""A fresh server with five people at it for each test: copies of what is made once."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from parlour_lab.hostile.people import World
from parlour_server.core.output import captured

PEOPLE = ("ada", "ben", "cat", "dan", "spy")
"""``spy`` is the operator's own account."""


@pytest.fixture(scope="session")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the server's data and the home of each person."""
    folder = tmp_path_factory.mktemp("everybody")
    asyncio.run(_make(folder))
    return folder


async def _make(folder: Path) -> None:
    world = World(folder)
    await world.server.make()
    await world.server.start()
    for user in PEOPLE:
        await world.join(user)
    await world.close()


@pytest.fixture
async def world(everybody: Path, tmp_path: Path) -> AsyncIterator[World]:
    """Return a server that runs, with no one connected."""
    folder = tmp_path / "world"
    shutil.copytree(everybody, folder)
    made = World(folder)
    await made.server.start()
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """Let the server in this process write its log nowhere."""
    with captured():
        yield
