"""The name of the logs: one row, made with the database, kept by everything but a restore."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_server.app.program_store import ProgramStore
from parlour_server.core.clock import SystemClock
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.setup import migrate


def run(path: Path, statement: str) -> None:
    """Change the database behind the store's back."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def test_two_databases_have_two(database: Path, tmp_path: Path) -> None:
    """R20: the migration names each by chance, and a second upgrade leaves it."""
    other = tmp_path / "other.db"
    migrate.create(other, SCHEMA)
    mine = SqliteEngine(database).incarnation()
    assert mine is not None
    assert mine != SqliteEngine(other).incarnation()
    migrate.upgrade(database, SCHEMA)
    assert SqliteEngine(database).incarnation() == mine


async def test_a_store_tells_it_once_it_is_open(database: Path) -> None:
    """It is what the database says, and stays that."""
    store = ProgramStore(database, PROGRAM, SystemClock())
    with pytest.raises(SetupError, match="not open"):
        _ = store.incarnation
    await store.open()
    found = SqliteEngine(database).incarnation()
    assert found is not None
    assert store.incarnation == found[0]
    await store.close()


async def test_logs_without_a_name_are_not_served(database: Path) -> None:
    """A database whose row is lost is damaged: nothing serves numbers that belong to no incarnation."""
    run(database, "DELETE FROM incarnation")
    assert any("no incarnation" in sentence for sentence in SCHEMA.damage(database))
    with pytest.raises(SetupError, match="no incarnation"):
        await ProgramStore(database, PROGRAM, SystemClock()).open()
