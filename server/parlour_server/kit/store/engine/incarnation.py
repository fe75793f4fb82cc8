"""The incarnation of the logs: a random name that changes when a backup is restored.

After a restore, the numbers of lost events are used again; clients notice by this name. A migration creates
it, and only `restore` changes it.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from parlour_protocol.kit.ids import Incarnation, Millis, new_incarnation
from parlour_server.kit.errors import SetupError
from parlour_server.kit.store.engine.connection import cannot_open, connect_reader

Restored = Callable[[sqlite3.Connection], None]
_HAS_TABLE: Final = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"


def incarnation_of(path: Path) -> tuple[Incarnation, Millis] | None:
    """Return the name and the time it began; None for an older schema. Raises SetupError."""
    try:
        with closing(connect_reader(path)) as db:
            if not _has(db, "incarnation"):
                return None
            row = db.execute("SELECT name, since FROM incarnation").fetchone()
    except sqlite3.Error as error:
        raise SetupError(cannot_open(path, error)) from error
    if row is None:
        raise SetupError(f"{path} has no incarnation for its logs; restore a backup")
    return Incarnation(row[0]), Millis(row[1])


def begin_incarnation(path: Path, restored: Restored) -> Incarnation | None:
    """Give the logs of a database that no server uses a new name; None for an older schema.

    An older schema gets its name from `migrate`. ``restored`` changes what must not be as it was at the
    backup. Raises sqlite3.Error.
    """
    name = new_incarnation()
    with closing(sqlite3.connect(path)) as db, db:
        restored(db)
        if not _has(db, "incarnation"):
            return None
        db.execute("DELETE FROM incarnation")
        db.execute(
            "INSERT INTO incarnation (id, name, since) VALUES (1, ?, ?)", (name, time.time_ns() // 1_000_000)
        )
    return name


def _has(db: sqlite3.Connection, table: str) -> bool:
    return db.execute(_HAS_TABLE, (table,)).fetchone() is not None
