"""The server: who gets which prices."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Error, Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_server.testing.server import Socket, World, running

from ticker.frames import Price, Watch
from ticker.server import app


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Run the server."""
    async with running(app, tmp_path / "data") as world:
        yield world


async def price(socket: Socket) -> Price:
    """Read the next push."""
    push = await socket.push()
    assert isinstance(push, Price)
    return push


async def test_prices_come_for_the_symbols_that_are_watched(world: World) -> None:
    """And for no others."""
    socket = await (await world.person("anna")).connect()
    assert isinstance(await socket.ask(Watch(new_request_id(), ("ACME", "GLOBEX"))), Ok)
    assert {(await price(socket)).symbol for _ in range(2)} == {"ACME", "GLOBEX"}
    await socket.ask(Watch(new_request_id(), ("ACME",)))
    symbols = [(await price(socket)).symbol for _ in range(4)]
    assert symbols[2:] == ["ACME", "ACME"]  # after those that were on their way


async def test_unknown_symbols_are_refused(world: World) -> None:
    """With a sentence for people."""
    socket = await (await world.person("anna")).connect()
    answer = await socket.ask(Watch(new_request_id(), ("ENRON",)))
    assert isinstance(answer, Error)
    assert (answer.code, str(answer.hint)) == (ErrorCode.NOT_FOUND, "there is no ENRON")
