"""The server: what is added is counted once, and everyone sees it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from parlour_protocol.kit.frames import Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_server.testing.server import Socket, World, running

from blank.frames import Add, Count
from blank.server import Counter, app


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Run the server."""
    monkeypatch.setattr(Counter, "total", 0)
    async with running(app, tmp_path / "data") as world:
        yield world


async def count(socket: Socket) -> tuple[int, str]:
    """Read the next push."""
    push = await socket.push()
    assert isinstance(push, Count)
    return push.total, push.user


async def test_everyone_sees_what_someone_adds(world: World) -> None:
    """With the name of who did it."""
    anna = await (await world.person("anna")).connect()
    ben = await (await world.person("ben")).connect()
    assert isinstance(await anna.ask(Add(new_request_id(), 0)), Ok)
    assert await count(anna) == (0, "anna")
    assert isinstance(await ben.ask(Add(new_request_id(), 2)), Ok)
    assert [await count(anna), await count(ben)] == [(2, "ben")] * 2
