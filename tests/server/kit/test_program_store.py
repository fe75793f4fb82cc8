"""The store of a program without tables of its own: its schema, and what it refuses."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.server.kit.conftest import PROGRAM
from tests.server.kit.store.world import FakeClock

from parlour_server.kit.errors import SetupError
from parlour_server.kit.program_store import ProgramStore
from parlour_server.store.chat_schema import SCHEMA as CHAT_SCHEMA

SHARED = ("accounts", "invites", "sessions", "attempts", "journal", "health", "incarnation")
OWN_COLUMNS = {"journal": {"log"}}
CHAT_COLUMNS = {"journal": {"room"}}


def _columns(path: Path, table: str) -> dict[str, tuple[object, ...]]:
    """Return type, NOT NULL, default and place in the primary key of each column."""
    with closing(sqlite3.connect(path)) as db:
        return {row[1]: row[2:] for row in db.execute(f"PRAGMA table_info({table})")}


def _options(path: Path, table: str) -> set[str]:
    """Return what stands behind the columns, as STRICT."""
    with closing(sqlite3.connect(path)) as db:
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    return set(re.split(r"\W+", sql[sql.rindex(")") :])) - {""}


@pytest.mark.parametrize("table", SHARED)
def test_the_chat_has_the_same_tables(kit_database: Path, tmp_path: Path, table: str) -> None:
    """The kit's SQL runs on both chains of migrations: a column that one lacks fails only in its server."""
    chat = tmp_path / "parlour.db"
    CHAT_SCHEMA.create(chat)
    ours, theirs = _columns(kit_database, table), _columns(chat, table)
    assert ours.keys() - theirs.keys() == OWN_COLUMNS.get(table, set())
    assert theirs.keys() - ours.keys() == CHAT_COLUMNS.get(table, set())
    both = ours.keys() & theirs.keys()
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}
    assert _options(kit_database, table) == _options(chat, table)


def test_the_version_is_the_newest_revision(kit_database: Path) -> None:
    """What a server asks for is what the migrations lead to."""
    schema = ProgramStore.schema(PROGRAM)
    config = Config()
    config.set_main_option("script_location", str(schema.migrations))
    newest = ScriptDirectory.from_config(config).get_current_head()
    assert schema.version == newest == schema.current(kit_database)
    schema.upgrade(kit_database)
    assert schema.damage(kit_database) == []


async def test_errors_name_the_programs_own_command(tmp_path: Path, kit_database: Path) -> None:
    """A program never tells its operator to run the chat's commands."""
    clock = FakeClock()
    with pytest.raises(SetupError, match=r"`shop-server init`"):
        await ProgramStore(tmp_path / "mistyped.db", PROGRAM, clock).open()
    with closing(sqlite3.connect(kit_database)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(SetupError, match=r"`shop-server migrate`"):
        await ProgramStore(kit_database, PROGRAM, clock).open()
    other = tmp_path / "other.db"
    other.write_bytes(b"nothing" * 1000)
    with pytest.raises(SetupError, match="not a Shop database"):
        ProgramStore.schema(PROGRAM).upgrade(other)


def test_it_loads_neither_the_chat_nor_migrations() -> None:
    """A program's running server has no room, device or file in it, and no Alembic."""
    code = (
        "import sys, parlour_server.kit.program_store\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'alembic')"
        " or name.startswith(('parlour_server.store', 'parlour_server.chat', 'parlour_protocol.frames'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"
