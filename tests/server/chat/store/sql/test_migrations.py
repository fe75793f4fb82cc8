"""A new database has the tables that the modules describe; an upgrade is all or nothing."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.chat.store.tables import metadata
from parlour_server.core.errors import SetupError
from parlour_server.core.store.tables import metadata as kit_metadata
from parlour_server.host.setup import migrate


def _tables(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return rows


def test_alembic_finds_no_difference(database: Path) -> None:
    """So that a revision which it writes has only what was changed."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        tables = [kit_metadata, metadata, *(found.metadata() for found in CHAT.schema.capabilities)]
        assert compare_metadata(context, tables) == []  # pyright: ignore[reportArgumentType] - Alembic takes several
    engine.dispose()


def test_every_table_is_strict(database: Path) -> None:
    """SQLite refuses a value of another type."""
    for name, sql in _tables(database):
        if sql.startswith("CREATE TABLE") and name != "alembic_version":
            assert sql.rstrip().endswith("STRICT"), name


def test_upgrading_again_changes_nothing(database: Path) -> None:
    """A database at its newest revision is not changed."""
    before = _tables(database)
    migrate.upgrade(database, SCHEMA)
    assert _tables(database) == before
    SCHEMA.check(database)


@pytest.mark.parametrize("content", [b"", b"SELECT 1"])
def test_a_file_without_a_revision_is_never_filled(tmp_path: Path, content: bytes) -> None:
    """A database that a full disk or a copy left with 0 bytes must not become an empty server."""
    path = tmp_path / "parlour.db"
    path.write_bytes(b"")
    if content:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE things (thing)")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(SetupError, match="restore a backup"):
        migrate.upgrade(path, SCHEMA)
    assert path.read_bytes() == before
    assert SCHEMA.current(path) is None


def test_a_database_of_the_future_or_of_before_the_first_release_is_refused(database: Path) -> None:
    """A revision that this program does not know is not migrated from."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '0022'")
    connection.commit()
    connection.close()
    with pytest.raises(SetupError, match=r"does not know \(0022\): a newer version"):
        migrate.upgrade(database, SCHEMA)


def test_nothing_is_migrated_where_nothing_is(tmp_path: Path) -> None:
    """A mistyped path makes no database."""
    for act in (partial(migrate.upgrade, schema=SCHEMA), SCHEMA.current):
        with pytest.raises(SetupError, match="parlour-server init"):
            act(tmp_path / "mistyped.db")
    assert list(tmp_path.iterdir()) == []
