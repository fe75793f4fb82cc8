"""The demo: what `make demo ARGS=--headless` plays holds, and a check that fails says so."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from tests.e2e.commands import DEADLINE

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client
from parlour_client.core.events import Change, RoomsChanged, StatusChanged
from parlour_client.demo.checks import CheckFailedError, Stage, run_check
from parlour_client.demo.people import Person
from parlour_client.demo.script import SERVER
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.demo_server import DemoError, DemoServer
from parlour_client.kit.event_bus import EventBus
from parlour_protocol.kit.secret import Secret


@pytest.mark.part
def test_the_demo_without_a_screen_holds() -> None:
    """Every check of the demo holds against a real server process, and the command exits 0.

    `tests/packaging/test_distribution.py` plays it from the wheel.
    """
    command = [sys.executable, "-m", "parlour_client", "demo", "--headless"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, timeout=2 * DEADLINE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert "9 of 9 checks passed." in done.stdout


class Speaker:
    """A client of which only the events matter."""

    def __init__(self) -> None:
        self.events = EventBus()


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (RoomsChanged(), (True, "it held")),
        (
            StatusChanged(ConnectionStatus(LinkState.CONNECTING, "test", "not connected")),
            (False, "Talk on. But nothing happened for 60 s."),
        ),
    ],
    ids=["something happens", "it only tries to connect"],
)
async def test_a_check_may_take_long_while_something_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change, outcome: tuple[bool, str]
) -> None:
    """A busy machine fails nothing: a check only fails when nothing happens for a minute."""
    speaker, loop = Speaker(), asyncio.get_running_loop()
    passed, time = 0.0, loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)

    async def check(_stage: Stage) -> str:
        """Talk on."""
        nonlocal passed
        for _ in range(4):
            passed += 40
            speaker.events.emit(change)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return "it held"

    people = {"cora": Person("cora", cast("Client", speaker), ChatHome(tmp_path), Secret("nothing"))}
    assert await run_check(check, Stage(DemoServer(tmp_path, SERVER), people)) == outcome


async def test_a_server_that_stops_is_reported_at_once(tmp_path: Path) -> None:
    """No one waits for a client that can never connect."""
    server = DemoServer(tmp_path, SERVER)
    (tmp_path / "server.log").write_text("it went wrong")
    server._process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    with pytest.raises(DemoError, match="stopped") as ended:
        await server.while_it_runs(asyncio.Event().wait())
    assert "it went wrong" in ended.value.hint


async def test_a_check_that_fails_is_reported(tmp_path: Path) -> None:
    """A check that fails is reported with what it found instead."""

    async def check(_stage: Stage) -> str:
        """Water is dry."""
        raise CheckFailedError("it was wet")

    held, report = await run_check(check, Stage(DemoServer(tmp_path, SERVER), {}))
    assert not held
    assert report == "Water is dry. But it was wet."
