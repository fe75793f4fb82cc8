"""The incarnation of the logs: a random name that changes when a backup is restored.

After a restore, the numbers of lost events are used again; clients notice by this name. A migration creates
it, and only `restore` changes it.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from parlour_protocol.kit.ids import Incarnation, new_incarnation
from parlour_server.kit.store.engine.sqlite_engine import has_table

Restored = Callable[[sqlite3.Connection], None]


def begin_incarnation(path: Path, restored: Restored) -> Incarnation | None:
    """Give the logs of a database that no server uses a new name; None for an older schema.

    An older schema gets its name from `migrate`. ``restored`` changes what must not be as it was at the
    backup. Raises sqlite3.Error.
    """
    name = new_incarnation()
    with closing(sqlite3.connect(path)) as db, db:
        restored(db)
        if not has_table(db, "incarnation"):
            return None
        db.execute("DELETE FROM incarnation")
        db.execute(
            "INSERT INTO incarnation (id, name, since) VALUES (1, ?, ?)", (name, time.time_ns() // 1_000_000)
        )
    return name
