"""What a restore changes in the chat's tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

from parlour_server.store.chat_schema import SCHEMA


def test_a_backup_from_before_encryption_is_restored(database: Path) -> None:
    """It has no key packages to use up, and `migrate` names its logs."""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("DROP TABLE incarnation")
        db.execute("DROP TABLE key_packages")
    assert SCHEMA.begin_incarnation(database) is None
