"""Several looks at the database that see one and the same state of it.

Without it each SELECT of a reader sees what was committed last. Called by reads that put several together.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Hold the state that the first SELECT inside sees, until the end."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:  # SQLite ends it itself after some failures
            db.execute("ROLLBACK")  # nothing was changed; COMMIT fails after a read of a damaged page
