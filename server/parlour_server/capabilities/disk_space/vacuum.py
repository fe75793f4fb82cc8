"""Gives free pages of a SQLite file back to the disk, a little at a time, while a server runs.

A file that was created before servers could do this is rewritten once, for which no server may run.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine, cannot_open

_PAGES: Final = 200
"""Given back in one transaction: a server's writes wait for some milliseconds."""
_PAUSE_SECONDS: Final = 0.02
_INCREMENTAL: Final = 2
"""The value of `PRAGMA auto_vacuum` in a file that can give pages back."""


def vacuum(engine: SqliteEngine, is_running: Callable[[], bool], command: str) -> int:
    """Give free pages back; returns the number of bytes. Raises SetupError."""
    before = engine.path.stat().st_size
    try:
        with closing(engine.connect_to_migrate()) as db:
            db.isolation_level = None
            db.execute("PRAGMA busy_timeout = 5000")
            if db.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
                _give_back(db)
            elif is_running():
                raise SetupError(
                    "this database was created before pages could be given back while a server runs: stop"
                    f" the server and run `{command} disk vacuum` once; that needs as much free space as the"
                    " database has"
                )
            else:
                db.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
                db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise SetupError(_failed(engine.path, error)) from error
    return max(0, before - engine.path.stat().st_size)


def _give_back(db: sqlite3.Connection) -> None:
    free: int = db.execute("PRAGMA freelist_count").fetchone()[0]
    while free > 0:
        db.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        left: int = db.execute("PRAGMA freelist_count").fetchone()[0]
        if left >= free:
            return
        free = left
        time.sleep(_PAUSE_SECONDS)


def _failed(path: Path, error: sqlite3.Error) -> str:
    if "full" in str(error):
        return f"{path} can't be rewritten without as much free space as it takes up; nothing was changed"
    return cannot_open(path, error)
