"""The database file: its settings, its rights, and what opening it refuses."""

import os
import sqlite3
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.server.core.store.later_schema import later
from tests.server.core.store.world import FakeClock
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_server.app.program_store import ProgramStore
from parlour_server.core.errors import SetupError, UnavailableError
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine, connect_reader
from parlour_server.host.setup import migrate

FULL = 2


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("synchronous", FULL),
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("temp_store", 2),
        ("trusted_schema", 0),
        ("busy_timeout", 5000),
    ],
)
async def test_the_writer_is_set_up_to_keep_the_promises(
    store: ProgramStore, pragma: str, value: object
) -> None:
    """The connection that the store writes with has these settings; FULL keeps what was acknowledged."""
    assert await store._writer.submit(lambda db: db.execute(f"PRAGMA {pragma}").fetchone()) == (value,)


def test_a_reader_cannot_write(database: Path) -> None:
    """A read that tries to write is refused by SQLite itself."""
    reader = connect_reader(database)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO health VALUES (1, 1)")
    reader.close()


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    """Whatever the umask, the database and the files beside it can be read by no one else."""
    path = tmp_path / "parlour.db"
    before = os.umask(0o000)
    try:
        migrate.create(path, SCHEMA)
        writer = SqliteEngine(path).connect_writer(announces=True)
        writer.execute("INSERT INTO health VALUES (1, 1)")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        writer.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("parlour.db", "parlour.db-wal", "parlour.db-shm"), 384)


def test_creating_does_not_touch_what_is_there(tmp_path: Path) -> None:
    """Neither a file nor a link that stands at the path is taken for a new database."""
    path, elsewhere = tmp_path / "parlour.db", tmp_path / "elsewhere"
    path.symlink_to(elsewhere)
    with pytest.raises(SetupError, match="exists already"):
        migrate.create(path, SCHEMA)
    assert not elsewhere.exists()


async def test_a_missing_database_is_refused_and_not_made(tmp_path: Path, clock: FakeClock) -> None:
    """A mistyped path makes no empty database; the error names the command that makes one."""
    path = tmp_path / "mistyped.db"
    with pytest.raises(SetupError, match="shop-server init"):
        await ProgramStore(path, PROGRAM, clock).open()
    assert not path.exists()


async def test_an_older_schema_is_refused(database: Path, tmp_path: Path) -> None:
    """With what to do, and left as it is."""
    with pytest.raises(SetupError, match="shop-server migrate"):
        later(SCHEMA, tmp_path).check(database)
    assert SCHEMA.current(database) == "0001"


async def test_an_unknown_schema_is_refused(database: Path, clock: FakeClock) -> None:
    """A newer version's, or one from before the first release: left as it is."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(SetupError, match=r"this shop-server does not know \(9999\)"):
        await ProgramStore(database, PROGRAM, clock).open()
    assert SCHEMA.current(database) == "9999"


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to have a header" * 9])
async def test_a_file_that_is_no_database_of_ours_is_refused(
    tmp_path: Path, clock: FakeClock, content: bytes
) -> None:
    """An empty file and one of something else end with a sentence, not a traceback."""
    path = tmp_path / "parlour.db"
    path.write_bytes(content)
    with pytest.raises(SetupError):
        await ProgramStore(path, PROGRAM, clock).open()


async def test_a_closed_store_refuses(database: Path, clock: FakeClock) -> None:
    """After closing, reads and writes end with UnavailableError; closing twice is closing once."""
    store = ProgramStore(database, PROGRAM, clock)
    await store.open()
    await store.close()
    await store.close()
    with pytest.raises(UnavailableError):
        await store.check()
    with pytest.raises(UnavailableError):
        await store.accounts.list()


async def test_closing_writes_what_is_queued(database: Path, clock: FakeClock) -> None:
    """What was passed in before closing is on disk after it, and the -wal file is gone."""
    store = ProgramStore(database, PROGRAM, clock)
    await store.open()

    def insert(key: str, db: Any) -> None:
        db.execute("INSERT INTO attempts VALUES (?, 1, 1)", (key,))

    futures = [store._writer.submit(partial(insert, str(number))) for number in range(600)]
    await store.close()
    assert all(future.done() and future.exception() is None for future in futures)
    assert not database.with_name("parlour.db-wal").exists()
    reader = connect_reader(database)
    assert reader.execute("SELECT count(*) FROM attempts").fetchone() == (600,)
    reader.close()


def test_running_a_store_loads_no_migrations() -> None:
    """The process of a server that only runs has neither SQLAlchemy nor Alembic in it."""
    code = (
        "import sys, parlour_server.app.program_store\n"
        "print([name for name in ('sqlalchemy', 'alembic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"
