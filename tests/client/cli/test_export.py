"""`export`, `tail` and `send` against a server that leaves events of one room out (N10, N11)."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import ALICE, GARDEN, LOBBY, Desk, FakeServer
from tests.client.core.e2ee.memory_server import MemoryServer

from parlour_client.cli.export import _export
from parlour_client.cli.send import _send_one
from parlour_client.cli.tail import _tail
from parlour_client.core import client as client_module
from parlour_client.core.client import Client
from parlour_protocol.frames import AnyResult
from parlour_protocol.frames.replies import Page
from parlour_protocol.frames.requests import History

HOLE = "The server does not show events 3 to 4: 2 events are missing."
END = "parlour: lobby: The server says that this room has 9 events, but shows none after 8."


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a home whose commands talk to a server that never shows events 3, 4 and 9 of the lobby."""
    server = FakeServer()
    server.add_room(GARDEN, "garden")
    server.say("elsewhere", room=GARDEN, tell=False)
    for number in range(2, 10):
        server.say(f"line {number}", tell=False)

    def page(ask: History) -> AnyResult:
        whole = server._page(ask)
        assert isinstance(whole, Page)
        shown = [one for one in whole.events if ask.room != LOBBY or one.seq not in {3, 4, 9}]
        return replace(whole, events=tuple(shown))

    server.page_of = page
    desk = Desk(tmp_path / "home", server)
    await desk.sign_in()
    line = MemoryServer(desk.clock).open_line(ALICE)
    lying: Callable[..., Client] = partial(
        Client, clock=desk.clock, dial=lambda _: server.dial, delivery=lambda _: line
    )
    monkeypatch.setattr(client_module, "Client", lying)
    return desk


async def test_export_prints_all_that_there_is(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The row of what is missing is in its place, for scripts and for people; other rooms are whole."""
    await _export(desk.home, "lobby", as_json=True)
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["seq"], line.get("text") or line.get("note")) for line in lines[1:]] == [
        (2, "line 2"), (4, HOLE), *((seq, f"line {seq}") for seq in (5, 6, 7, 8)),
    ]  # fmt: skip
    assert lines[2]["kind"] == "unreadable"
    assert err.splitlines() == [END]
    await _export(desk.home, "lobby", as_json=False)
    assert HOLE in capsys.readouterr().out
    await _export(desk.home, "garden", as_json=False)
    rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"2023-11-1\d \d\d:\d\d #2 bobby: elsewhere", rows[1])  # in local time


async def test_tail_goes_on_behind_what_is_missing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Messages on the one side, what is missing on the other."""
    await _tail(desk.home, "lobby", 4, 2, as_json=False, events=False)
    out, err = capsys.readouterr()
    assert [line.rpartition(": ")[2] for line in out.splitlines()] == ["line 2", "line 5", "line 6", "line 7"]
    assert err.splitlines() == [END, f"parlour: #4 {HOLE}"]


async def test_send_is_not_held_up(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A message goes out, and what is missing before it is in the next `export`."""
    await _send_one(desk.home, "lobby", "mine", as_json=True)
    assert json.loads(capsys.readouterr().out)["seq"] == 10
    await _export(desk.home, "lobby", as_json=False)
    out, err = capsys.readouterr()
    assert "The server does not show event 9: 1 event is missing." in out
    assert out.splitlines()[-1].endswith("mine")
    assert err == ""
