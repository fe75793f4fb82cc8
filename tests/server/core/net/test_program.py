"""A program's real server: what its handlers do not say holds for it, too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parlour_protocol.kit.errors import SESSION_ENDED
from parlour_protocol.kit.frames import Error, Ok, Request
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.core.connections.peer import Peer
from parlour_server.testing.server import World, running


class Say(Request, frozen=True, tag="say"):
    """Say something."""


class Break(Request, frozen=True, tag="break"):
    """Find a fault of the program."""


app: App[None] = App(Wire("toy.v1", requests=Say | Break), messages_per_minute=2)


@app.on(Say, role="member")
async def say(_peer: Peer[None], _ask: Say) -> None:
    """Do nothing."""


@app.on(Break, role="member")
async def fail(_peer: Peer[None], _ask: Break) -> None:
    """Fail."""
    raise ValueError("broken")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Run the program."""
    async with running(app, tmp_path / "data") as found:
        yield found


async def test_a_program_that_says_nothing_about_floods_errors_or_sessions(world: World) -> None:
    """R1, R4, S1: over its sockets."""
    ada = await world.person("ada")
    phone = await world.log_in("ada", "phone")
    first, second = await ada.connect(), await phone.connect()
    assert isinstance(await first.ask(Say(new_request_id())), Ok)
    failed = await first.ask(Break(new_request_id()))
    assert isinstance(failed, Error)
    assert failed.code == "unavailable"
    assert len(world.faults) == 1
    late = await first.ask(Say(new_request_id()))
    assert isinstance(late, Error)
    assert late.code == "rate_limited"
    await ada.log_out()
    assert await first.close_code() == SESSION_ENDED
    await world.command("session", "end", "ada", "--all")
    assert await second.close_code() == SESSION_ENDED
    assert not world.parts.connected.all_connections()
