"""What takes space is shown even when the database can't be opened, as on a full disk."""

import sqlite3
from contextlib import closing
from pathlib import Path

from parlour_server.capabilities.disk_space.usage import usage
from parlour_server.chat.program import CHAT
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    """The files are listed all the same, the largest first."""
    folder = CHAT.folder(tmp_path)
    folder.database.write_bytes(bytes(4096))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "one").write_bytes(bytes(100))
    found = usage(folder, SqliteEngine(tmp_path / "elsewhere.db"), {}, {"kept": "its limit"})
    assert [(one.what, one.bytes) for one in found[:2]] == [("parlour.db", 4096), ("kept/", 100)]
    assert "elsewhere.db" in found[0].bound


def test_a_table_that_no_one_has_is_said_to_stay(tmp_path: Path) -> None:
    """Whoever took out a capability learns that `user delete` knows nothing of its rows."""
    database = tmp_path / "left.db"
    with closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TABLE shelves (account TEXT)")
    found = usage(CHAT.folder(tmp_path), SqliteEngine(database), {}, {})
    assert "`user delete` leaves it" in next(one.bound for one in found if one.what == "table shelves")
