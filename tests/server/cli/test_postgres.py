"""The operator's commands for a server whose database is PostgreSQL's: the same as with a file."""

import json
from pathlib import Path

import pytest
from tests.server.cli.test_commands import Capture, run
from tests.server.kit.shop import Bought, Buy, ShopStore, app

from parlour_protocol.kit.frames import Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_server.chat_program import CHAT
from parlour_server.kit.testing.server import running
from tests import postgres


@pytest.fixture
def url() -> str:
    """Return an empty database."""
    return postgres.empty("commands")


@pytest.fixture
def data(tmp_path: Path, url: str, capsys: Capture) -> Path:
    """Return the data folder of a server on PostgreSQL."""
    path = tmp_path / "data"
    made = json.loads(run(capsys, "init", "--data", str(path), "--database", url, "--json"))
    assert made["new"] == ["configuration", "keys", "certificate", "key of the key log", "database", "lobby"]
    return path


def test_init_makes_the_tables_and_is_idempotent(data: Path, url: str, capsys: Capture) -> None:
    """Nothing is in the folder that the servers must share but keys and the configuration."""
    assert not (data / "parlour.db").exists()
    for more in ((), ("--database", url)):
        assert json.loads(run(capsys, "init", "--data", str(data), "--json", *more))["new"] == []


def test_every_command_works(data: Path, capsys: Capture) -> None:
    """Accounts, invites, sessions, rooms, the schema, and `doctor`."""
    here = ("--data", str(data))
    run(capsys, "user", "create", *here, "ada")
    assert [one["user"] for one in json.loads(run(capsys, "user", "list", *here, "--json"))] == ["ada"]
    run(capsys, "user", "disable", *here, "ada")
    run(capsys, "invite", "create", *here)
    assert len(json.loads(run(capsys, "invite", "list", *here, "--json"))) == 1
    assert json.loads(run(capsys, "session", "list", *here, "ada", "--json")) == []
    assert "lobby" in run(capsys, "room", "list", *here)
    assert "nothing to change" in run(capsys, "migrate", *here)
    assert "schema" in run(capsys, "doctor", *here)


async def test_people_log_in(tmp_path: Path, url: str) -> None:
    """A chat's server and its people, end to end, with nothing in a file."""
    async with running(CHAT, tmp_path / "data", given={"database.url": url}) as world:
        ada = await world.person("ada")
        assert (await ada.connect()).greeted is not None
        assert "ada" in await world.command("user", "list")
        assert world.faults == []
    assert not list((tmp_path / "data").glob("*.db"))


async def test_a_program_with_tables_of_its_own(tmp_path: Path, url: str) -> None:
    """All that a program has in a file, it has on PostgreSQL: tables, logs and commands."""
    async with running(app, tmp_path / "data", given={"database.url": url}) as world:
        anna = await world.person("anna")
        await world.api("POST", "/v1/things", {"thing": "lamp"}, bearer=anna.session)
        socket = await anna.connect()
        assert isinstance(await socket.ask(Buy(new_request_id(), 0)), Ok)
        await world.command("add", "chair")
        assert await app.store(ShopStore).things.all() == ("chair", "lamp")
        assert await socket.push() == Bought(1, 5)
        assert world.faults == []
