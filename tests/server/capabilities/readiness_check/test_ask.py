"""`ready` asks the server as a load balancer would, and reports what it hears."""

import asyncio
import json
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.server.core.store.later_schema import later

from parlour_server.capabilities.diagnostics.examine import examine
from parlour_server.capabilities.readiness_check import ask
from parlour_server.capabilities.readiness_check.ask import require_ready, wait_until_ready
from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.chat.program import CHAT, ChatApp
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.cli.command_line import CommandLine
from parlour_server.host.server import Server
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.operator_record import OperatorRecord

KNOWN = CHAT.capabilities


@pytest.mark.parametrize(
    "listen",
    [
        Listen(address="127.0.0.1:0"),
        Listen(address="0.0.0.0:0", names=("chat.example.org:8443", "localhost"), proxies=("127.0.0.0/8",)),
    ],
    ids=["plain", "behind a balancer"],
)
async def test_it_says_whether_the_server_is_ready(folder: DataFolder, listen: Listen) -> None:
    """Ready, then about to stop, then stopped; with other names, and where a PROXY header is demanded."""
    settings = ChatSettings(listen=listen)
    server = await Server.start(CHAT, folder, settings)
    try:
        assert (await asyncio.to_thread(require_ready, folder, settings, KNOWN)).startswith("127.0.0.1:")
        hurry = asyncio.Event()
        hurry.set()
        await server.drain(hurry)
        with pytest.raises(SetupError, match=r"is not ready \(status 503\)"):
            await asyncio.to_thread(require_ready, folder, settings, KNOWN)
    finally:
        await server.stop()
    with pytest.raises(SetupError, match="no server runs"):
        require_ready(folder, settings, KNOWN)


async def test_an_address_of_ipv6_is_shown_in_brackets(folder: DataFolder) -> None:
    """By `ready` and by `doctor`, as it is written on the command line."""
    settings = ChatSettings(listen=Listen(address="[::]:0"))
    server = await Server.start(CHAT, folder, settings)
    try:
        assert (await asyncio.to_thread(require_ready, folder, settings, KNOWN)).startswith("[::1]:")
        findings, _ = await asyncio.to_thread(examine, CHAT, folder)
        [found] = [one.text for one in findings if one.about == "server"]
        assert found.startswith("runs on [::]:")
    finally:
        await server.stop()


def test_run_upgrades_an_older_database_first(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --migrate, recorded as the operator's action; without it, the schema is refused."""
    newer = later(SCHEMA, tmp_path)
    monkeypatch.setattr("parlour_server.chat.program.SCHEMA", newer)
    monkeypatch.setattr("parlour_server.chat.store.chat_store.SCHEMA", newer)
    chat = ChatApp()
    line = CommandLine(chat.name, lambda: chat, about="", example="")
    run = ["run", "--data", str(folder.path), "--listen", "127.0.0.1:0"]
    assert line.run(run) == 1
    assert "older schema" in capsys.readouterr().err
    served: list[str | None] = []
    monkeypatch.setattr(
        "parlour_server.host.server_process.serve",
        lambda *_, **__: served.append(chat.schema.current(folder.database)),
    )
    assert line.run([*run, "--migrate"]) == 0
    assert served == ["0002"]
    (entry,) = OperatorRecord(folder.operator_record).waiting()
    assert (entry["action"], entry["schema"]) == ("migrate", "0001 to 0002")
    with closing(sqlite3.connect(folder.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("command", [("run", "--listen", "127.0.0.1:0"), ("init", "--name", "new.example")])
def test_an_older_schema_is_refused_before_anything_changes(
    folder: DataFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    """Also a certificate that would be renewed, because the configuration has another name now."""
    text = folder.settings.read_text(encoding="utf-8")
    text = text.replace('# names = ["localhost"', 'names = ["other.example", "localhost"', 1)
    folder.settings.write_text(text, encoding="utf-8")
    newer = later(SCHEMA, tmp_path)
    monkeypatch.setattr("parlour_server.chat.program.SCHEMA", newer)
    monkeypatch.setattr("parlour_server.chat.store.chat_store.SCHEMA", newer)
    chat = ChatApp()
    line = CommandLine(chat.name, lambda: chat, about="", example="")

    def contents() -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in folder.path.iterdir()
            if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))
        }

    before = contents()
    assert '\nnames = ["other.example"' in before[folder.settings.name].decode()
    assert line.run([command[0], "--data", str(folder.path), *command[1:]]) == 1
    assert "older schema" in capsys.readouterr().err
    assert contents() == before


def test_run_upgrades_no_shared_database(
    folder: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other servers may run on it with the older schema."""
    monkeypatch.setenv("PARLOUR_DATABASE_URL", "postgresql://parlour@127.0.0.1:1/parlour")
    assert COMMAND_LINE.run(["run", "--data", str(folder.path), "--migrate"]) == 1
    assert "--migrate is for a server with a SQLite file" in capsys.readouterr().err


async def test_the_command_prints_json(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """One object; an error is one, too, besides the sentence on standard error, with status 1."""
    server = await Server.start(CHAT, folder, ChatSettings(listen=Listen(address="127.0.0.1:0")))
    try:
        run = ["ready", "--data", str(folder.path), "--json"]
        assert await asyncio.to_thread(COMMAND_LINE.run, run) == 0
        assert json.loads(capsys.readouterr().out)["address"] == server.url.removeprefix("https://")
    finally:
        await server.stop()
    assert await asyncio.to_thread(COMMAND_LINE.run, run) == 1
    out, sentence = capsys.readouterr()
    assert json.loads(out) == {"error": f"no server runs on {folder.path}"}
    assert sentence == f"parlour-server: no server runs on {folder.path}\n"


async def test_waiting_ends_with_the_server(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready after a start; at once if what was starting has ended, as when the port is taken."""
    settings = ChatSettings(listen=Listen(address="127.0.0.1:0"))
    waiting = asyncio.to_thread(wait_until_ready, folder, settings, KNOWN, 60)
    started = asyncio.create_task(waiting)
    server = await Server.start(CHAT, folder, settings)
    try:
        assert await started == server.url.removeprefix("https://").replace("localhost", "127.0.0.1")
    finally:
        await server.stop()
    began = time.monotonic()
    with pytest.raises(SetupError, match="no server runs"):
        await asyncio.to_thread(wait_until_ready, folder, settings, KNOWN, 0.2)
    looked = threading.Event()

    def looking(*given: Any) -> str:
        looked.set()
        return require_ready(*given)

    monkeypatch.setattr(ask, "require_ready", looking)
    with locked(folder):
        ends = asyncio.create_task(asyncio.to_thread(wait_until_ready, folder, settings, KNOWN, 3600))
        assert await asyncio.to_thread(looked.wait, 60)
    with pytest.raises(SetupError, match="ended before it was ready"):
        await ends
    assert time.monotonic() - began < 60
