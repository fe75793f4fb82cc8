"""`import` moves a server to PostgreSQL: nothing is lost, and nobody has to log in again."""

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.server.app import shop
from tests.server.chat.capabilities.file_sharing.files import put
from tests.server.chat.cli.test_commands import Capture, fail, run

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.frames.replies import Entered, Ok
from parlour_protocol.frames.requests import CreateRoom, Send
from parlour_protocol.ids import RoomId, new_file_id
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.cli.command_line import CommandLine
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.operator_record import DONE, OperatorRecord
from parlour_server.testing.server import Person, running
from tests import postgres

BYTES = b"a cat" * 1000


async def _fill(path: Path) -> str:
    """Let people write and upload; return the session of one of them."""
    async with running(CHAT, path) as world:
        people = [await world.person(name) for name in ("ada", "ben")]
        room = RoomId("")
        for person in people:
            socket = await person.connect()
            name = parse_room_name(f"of-{person.name}")
            made = await socket.ask(CreateRoom(new_request_id(), name=name, kind=RoomKind.PUBLIC))
            assert isinstance(made, Ok)
            assert isinstance(made.result, Entered)
            room = made.result.room.room
            for number in range(20):
                text = MessageText(f"{number} \U0001f408 'quoted'\t\\N")
                assert isinstance(await socket.ask(Send(new_request_id(), room=room, text=text)), Ok)
        await world.command("session", "end", "ben", "--all")
        store, file = world.parts.store, new_file_id()
        digest = Digest(hashlib.sha256(BYTES).digest())
        now = world.parts.clock.now()
        record = FileRecord(file, room, parse_user_name("ben"), len(BYTES), digest, now)
        await put(store, record)
        folder = files_of(world.parts.folder)
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / file).write_bytes(BYTES)
        (folder / file).chmod(0o600)
        return people[0].session


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Make a server with people, once: only to be copied."""
    path = tmp_path_factory.mktemp("filled") / "old"
    return path, asyncio.run(_fill(path))


@pytest.fixture
def old(filled: tuple[Path, str], tmp_path: Path) -> DataFolder:
    """Return the data folder of a server with people."""
    shutil.copytree(filled[0], tmp_path / "old")
    (tmp_path / "old").chmod(0o700)
    return CHAT.folder(tmp_path / "old")


@pytest.fixture
def words(old: DataFolder, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Return the command; the old folder stays as it is."""
    before = {path.name: path.read_bytes() for path in old.files if path.exists()}
    url = postgres.empty("imported")
    yield ("import", "--from", str(old.path), "--data", str(tmp_path / "new"), "--database", url)
    assert {path.name: path.read_bytes() for path in old.files if path.exists()} == before


def _rows(connection: Any, tables: list[str]) -> dict[str, list[str]]:
    return {
        table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}").fetchall()))  # noqa: S608
        for table in tables
    }


async def test_nothing_is_lost(
    old: DataFolder, words: tuple[str, ...], filled: tuple[Path, str], tmp_path: Path, capsys: Capture
) -> None:
    """Every row, every file and every key is the same; the old session works, and messages go on."""
    out = await asyncio.to_thread(run, capsys, *words)
    assert "1 files were copied" in out
    [record] = OperatorRecord(tmp_path / "new" / "operator").waiting()
    assert (record["action"], record["source"], record["outcome"]) == ("import", str(old.path), DONE)
    with closing(sqlite3.connect(old.database)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        before = _rows(db, tables)
    with psycopg.connect(postgres.url("imported")) as connection:
        after = _rows(connection, tables)
    assert len(after.pop("server_keys")) == 4
    assert not before.pop("server_keys")
    assert after == before
    assert len(after["entries"]) > 40
    new = tmp_path / "new"
    for file in (one for one in old.files[1:] if one.exists()):
        assert (new / file.name).read_bytes() == file.read_bytes()
    [upload] = (new / "files").glob("[!.]*")
    assert upload.read_bytes() == BYTES
    async with running(CHAT, new) as world:
        socket = await Person(world, "ada", filled[1]).connect()
        made = await socket.ask(
            CreateRoom(new_request_id(), name=parse_room_name("new"), kind=RoomKind.PUBLIC)
        )
        assert isinstance(made, Ok)
        await world.command("session", "end", "ada", "--all")  # which the journal numbers
        assert world.faults == []


def test_what_is_refused(old: DataFolder, words: tuple[str, ...], tmp_path: Path, capsys: Capture) -> None:
    """A running server, another schema, damage, a lost upload, and what is not empty: nothing is made."""
    new = tmp_path / "new"
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"

    def refused(expected: str) -> None:
        _, sentence = fail(capsys, *words)
        assert expected in sentence
        assert not [path for path in new.rglob("*") if path.name != "notes"]
        with psycopg.connect(postgres.url("imported")) as connection:
            assert connection.execute(tables).fetchone() == (0,)

    with locked(old):
        refused("a server is already running")
    newest = f"UPDATE alembic_version SET version_num = '{CHAT.schema.version}'"  # noqa: S608 - ours
    for statement, undo, expected in (
        ("UPDATE alembic_version SET version_num = '0009'", newest, "does not know (0009)"),
        ("UPDATE logs SET head = head + 1", "UPDATE logs SET head = head - 1", "is damaged"),
        ("CREATE TABLE more (x INTEGER)", "DROP TABLE more", "tables of the two databases differ (more)"),
    ):
        with closing(sqlite3.connect(old.database)) as db:
            db.execute(statement)
            db.commit()
            refused(expected)
            db.execute(undo)
            db.commit()
    [upload] = [path for path in files_of(old).iterdir() if path.is_file()]
    upload.write_bytes(BYTES[1:])
    refused("is damaged; look for it in a backup")
    upload.write_bytes(BYTES)
    (new / "notes").touch(0o600)
    refused("is not empty; import into a new folder")
    (new / "notes").unlink()
    run(capsys, *words)
    _, sentence = fail(capsys, *words)
    assert "is not empty; import into a new database" in sentence
    _, sentence = fail(capsys, "import", "--from", str(new), *words[3:])
    assert "has its data in PostgreSQL already" in sentence


async def test_a_program_with_tables_of_its_own(tmp_path: Path, capsys: Capture) -> None:
    """Its tables, logs and sessions move as well: the copy knows no table by its name."""
    app = shop.app
    async with running(shop.app, tmp_path / "old") as world:
        anna = await world.person("anna")
        await world.api("POST", "/v1/things", {"thing": "lamp"}, bearer=anna.session)
        await world.command("add", "chair")
    url = postgres.empty("imported")
    line = CommandLine(app.name, lambda: app, about="", example="", capabilities=app.capabilities)
    words = ("--from", str(tmp_path / "old"), "--data", str(tmp_path / "new"), "--database", url)
    assert await asyncio.to_thread(line.run, ("import", *words)) == 0
    capsys.readouterr()
    async with running(shop.app, tmp_path / "new") as world:
        assert await shop.app.store(shop.ShopStore).things.all() == ("chair", "lamp")
        assert await Person(world, "anna", anna.session).ticket()
        await world.command("add", "table")
        assert world.faults == []
