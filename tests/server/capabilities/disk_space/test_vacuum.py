"""Free pages go back to the disk while someone writes, and an old file is rewritten only without a server."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from parlour_server.capabilities.disk_space.vacuum import vacuum
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine


def filled(path: Path, *, incremental: bool) -> SqliteEngine:
    """Return a database most of which was deleted again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        if incremental:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (a TEXT)")
        db.execute("BEGIN")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 3000)
        db.execute("DELETE FROM t WHERE rowid > 10")
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return SqliteEngine(path)


@pytest.mark.long
def test_free_pages_are_given_back_while_a_server_writes(tmp_path: Path) -> None:
    """Another connection writes before and after, and what is in use stays."""
    engine = filled(tmp_path / "a.db", incremental=True)
    with closing(sqlite3.connect(engine.path, isolation_level=None)) as server:
        server.execute("INSERT INTO t VALUES ('before')")
        assert vacuum(engine, lambda: True, "c") > 2_000_000
        server.execute("INSERT INTO t VALUES ('after')")
        assert server.execute("SELECT count(*) FROM t").fetchone() == (12,)
    assert vacuum(engine, lambda: True, "c") == 0


def test_an_old_file_is_rewritten_once_without_a_server(tmp_path: Path) -> None:
    """With one it is refused, and says what to do."""
    engine = filled(tmp_path / "a.db", incremental=False)
    with pytest.raises(SetupError, match="stop the server"):
        vacuum(engine, lambda: True, "c")
    assert vacuum(engine, lambda: False, "c") > 2_000_000
    assert vacuum(engine, lambda: True, "c") == 0
