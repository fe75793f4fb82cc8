"""The migrations make what the metadata says, in one transaction."""

import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from parlour_server.kit.errors import SetupError
from parlour_server.store.chat_schema import SCHEMA
from parlour_server.store.schema import metadata


def _tables(path: Path) -> dict[str, list[str]]:
    """Return the parts of each table and index; the order of constraints means nothing."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    parts = {name: [part.strip().replace('"', "") for part in re.split(r"[(),]", sql)] for name, sql in rows}
    return {name: sorted(part) for name, part in parts.items() if name != "alembic_version"}


def test_migrations_and_metadata_agree(database: Path) -> None:
    """Alembic finds nothing that the newest revision lacks, or has beyond the metadata."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrations_make_what_the_metadata_makes(database: Path, tmp_path: Path) -> None:
    """Statement for statement: also what Alembic does not compare (STRICT, checks, partial indexes)."""
    made = tmp_path / "made.db"
    engine = create_engine(f"sqlite:///{made}")
    metadata.create_all(engine)
    engine.dispose()
    assert _tables(database) == _tables(made)


def test_the_version_is_the_newest_revision(database: Path) -> None:
    """What a server asks for is what the migrations lead to."""
    config = Config()
    config.set_main_option("script_location", str(SCHEMA.migrations))
    newest = ScriptDirectory.from_config(config).get_current_head()
    assert SCHEMA.version == newest == SCHEMA.current(database)


def test_a_shortest_retention_becomes_the_time_up_to_which_messages_were_removed(database: Path) -> None:
    """Revision 0022: none younger than it allowed, by the clock that expiry goes by."""
    connection = sqlite3.connect(database)
    connection.execute("ALTER TABLE rooms DROP COLUMN removed_before")
    connection.execute("ALTER TABLE rooms ADD COLUMN removed_days INTEGER")
    connection.execute("ALTER TABLE factor_challenges DROP COLUMN source")
    connection.execute("UPDATE alembic_version SET version_num = '0021'")
    connection.execute("INSERT INTO retention (id, trusted) VALUES (1, 1700000000000)")
    connection.executemany(
        "INSERT INTO rooms (room, kind, topic, head, members, encrypted, removed_days)"
        " VALUES (?, 'private', '', 1, 1, 0, ?)",
        [("short", 2), ("kept", None)],
    )
    connection.commit()
    connection.close()
    SCHEMA.upgrade(database)
    connection = sqlite3.connect(database)
    rows = dict(connection.execute("SELECT room, removed_before FROM rooms WHERE room IN ('short', 'kept')"))
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(rooms)")]
    connection.close()
    assert rows == {"short": 1_700_000_000_000 - 2 * 86_400_000, "kept": None}
    assert "removed_days" not in columns


def test_upgrading_again_changes_nothing(database: Path) -> None:
    """A database at its newest revision is not changed."""
    before = _tables(database)
    SCHEMA.upgrade(database)
    assert _tables(database) == before


def test_an_upgrade_that_fails_leaves_nothing(database: Path) -> None:
    """When a statement fails half-way, what was done before it is not there."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.execute(
        "DROP TABLE account_keys"
    )  # the first that revision 0002 makes; the next is in the way
    connection.commit()
    connection.close()
    before = _tables(database)
    with pytest.raises(SetupError, match="cannot be migrated"):
        SCHEMA.upgrade(database)
    assert _tables(database) == before
    assert SCHEMA.current(database) == "0001"


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
        SCHEMA.upgrade(path)
    assert path.read_bytes() == before
    assert SCHEMA.current(path) is None


def test_a_database_of_the_future_is_refused(database: Path) -> None:
    """A revision that this program does not know is not migrated from."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(SetupError, match="newer parlour-server"):
        SCHEMA.upgrade(database)


def test_nothing_is_migrated_where_nothing_is(tmp_path: Path) -> None:
    """A mistyped path makes no database."""
    for act in (SCHEMA.upgrade, SCHEMA.current):
        with pytest.raises(SetupError, match="parlour-server init"):
            act(tmp_path / "mistyped.db")
    assert list(tmp_path.iterdir()) == []
