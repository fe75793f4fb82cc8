"""The incarnation of the logs: a random name that changes when a backup is restored.

After a restore, the numbers of lost events are used again; clients notice by this name. A new database gets
one, and only `backup restore` and `new-incarnation` change it.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from parlour_protocol.kit.ids import Incarnation, new_incarnation
from parlour_server.core.store.engine.connection import Connection, Engine, WriteConnection
from parlour_server.core.store.engine.sqlite_engine import SqliteConnection

Restored = Callable[[Connection], None]
"""Changes what must not be as it was at the backup."""


def begin_incarnation(path: Path, restored: Restored) -> Incarnation:
    """Give the logs of a database that no server uses a new name.

    ``restored`` changes what must not be as it was at the backup. Raises sqlite3.Error.
    """
    with closing(sqlite3.connect(path, factory=SqliteConnection)) as db, db:
        restored(db)
        return _rename(db)


def renew_incarnation(engine: Engine, restored: Callable[[WriteConnection], None]) -> Incarnation:
    """Do the same in a database on a server of its own. Raises SetupError, and what ``restored`` raises."""
    with engine.explained(), closing(engine.connect_writer(announces=False)) as db:
        db.execute("BEGIN")
        restored(db)
        name = _rename(db)
        db.execute("COMMIT")
    return name


def _rename(db: Connection) -> Incarnation:
    name = new_incarnation()
    db.execute("DELETE FROM incarnation")
    db.execute(
        "INSERT INTO incarnation (id, name, since) VALUES (1, ?, ?)", (name, time.time_ns() // 1_000_000)
    )
    return name
