"""A command of the table run once against a server: connected, rooms found by name, asked, shown."""

import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import ALICE, GARDEN, LOBBY, Desk, FakeServer
from tests.client.core.e2ee.memory_server import MemoryServer

from parlour_client.cli import run_command
from parlour_client.cli.run_command import _run
from parlour_client.commands.front import Front
from parlour_client.commands.table import names
from parlour_client.core import client as client_module
from parlour_client.core.client import Client
from parlour_client.kit.errors import SetupError, UnreachableError
from parlour_protocol.frames.requests import Leave, Pin
from parlour_protocol.rooms import Role


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a home whose commands talk to a server with a lobby and a garden."""
    server = FakeServer()
    server.add_room(GARDEN, "garden")
    lobby = server.rooms[LOBBY]
    lobby.summary = replace(lobby.summary, role=Role.MODERATOR)
    server.say("first honey", tell=False)
    desk = Desk(tmp_path / "home", server)
    await desk.sign_in()
    line = MemoryServer(desk.clock).open_line(ALICE)
    made: Callable[..., Client] = partial(
        Client, clock=desk.clock, dial=lambda _: server.dial, delivery=lambda _: line
    )
    for module in (client_module, run_command):
        monkeypatch.setattr(module, "Client", made)
    return desk


async def run(desk: Desk, name: str, *, as_json: bool = False, yes: bool = False, **values: Any) -> None:
    """Run a command."""
    await _run(desk.home, names(Front.CLI)[name], values, as_json=as_json, yes=yes)


async def test_rooms_are_listed_for_scripts(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, by title."""
    await run(desk, "room list", as_json=True, everything=False)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["room"], line["room_id"]) for line in lines] == [("garden", GARDEN), ("lobby", LOBBY)]


async def test_a_room_that_one_is_not_in_says_how_to_join_it(desk: Desk) -> None:
    """Before anything is asked of the server about it."""
    with pytest.raises(SetupError, match="not in a room called cellar") as refused:
        await run(desk, "room members", room="cellar")
    assert refused.value.hint == "Join it first: parlour room join cellar"


async def test_a_pin_is_waited_for(desk: Desk) -> None:
    """Success means that the server has it."""
    await run(desk, "room pin", room="lobby", message=2, on=None)
    assert desk.server.pinned(LOBBY) == (2,)
    await run(desk, "room pin", room="lobby", message=2, on=False)
    assert desk.server.pinned(LOBBY) == ()
    assert [one.on for one in desk.server.requests if isinstance(one, Pin)] == [True, False]


async def test_search_needs_no_connection(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What this device has is found, and it says that there may be more."""
    client = await desk.open()
    await desk.lose(client)
    await desk.close()
    desk.server.refuse_dial = UnreachableError("The server is not responding.")
    desk.clock.advance(60)
    monkeypatch.setattr(run_command, "_PATIENCE", 0.01)
    await run(desk, "search", words="honey", room=None, limit=5)
    out, err = capsys.readouterr()
    assert re.fullmatch(r"2023-11-1\d \d\d:\d\d lobby #2 bobby: first honey\n", out)  # in local time
    assert "Searching only what is on this device." in err


async def test_a_script_must_say_yes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nothing is assumed: the room is not left."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(click.UsageError, match="--yes"):
        await run(desk, "room leave", room="garden")
    assert not [one for one in desk.server.requests if isinstance(one, Leave)]
    await run(desk, "room leave", room="garden", yes=True)
    assert [one.room for one in desk.server.requests if isinstance(one, Leave)] == [GARDEN]
