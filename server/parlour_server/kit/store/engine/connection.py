"""Opens the database file, with the pragmas that the store's guarantees need.

It never creates a file or changes a schema. The writer has one connection, each reader thread its own.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from parlour_server.kit.errors import SetupError

BUSY_SECONDS: Final = 5.0
"""How long a transaction waits for another process (a command)."""

WAL_BYTES: Final = 64 * 1024 * 1024
"""The size that the -wal file is truncated to after it grew."""

_LEAST_FREE: Final = 64 * 1024
"""The free space that SQLite needs for the files beside the database."""

_WRITER: Final = (
    "PRAGMA synchronous = FULL",  # an acknowledged event survives the loss of power
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted content is overwritten, not only unlinked (K2)
    # twice SQLite's default: pages that many events share are copied back half as often
    "PRAGMA wal_autocheckpoint = 2000",
    f"PRAGMA journal_size_limit = {WAL_BYTES}",
)
_BOTH: Final = (
    "PRAGMA temp_store = MEMORY",  # no copy of content in temporary files
    "PRAGMA trusted_schema = OFF",  # nothing in the schema of a replaced file runs as code
)


class WriteConnection(sqlite3.Connection):
    """The one connection that writes."""

    stale_wal: bool = False
    """Something was deleted, and its old text is still in the -wal file."""

    announces: bool = True
    """Each event is added to the journal as well: servers learn of this process only from there."""


_C = TypeVar("_C", bound=sqlite3.Connection)


def connect_writer(path: Path) -> WriteConnection:
    """Open the connection that writes. Raises SetupError, sqlite3.Error."""
    connection = _connect(path, WriteConnection)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        connection.close()
        raise SetupError(f"{path} cannot use a write-ahead log; put the data folder on a local disk")
    for pragma in _WRITER:
        connection.execute(pragma)
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write; it may be closed by another thread."""
    connection = _connect(path, sqlite3.Connection)
    connection.execute("PRAGMA query_only = ON")
    return connection


def scrub(connection: WriteConnection) -> None:
    """Empty the -wal file: after a deletion it contains old versions of pages (K2).

    It does not wait for readers: while one reads old pages they stay, and ``stale_wal`` stays true.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    connection.stale_wal = bool(busy)


class NotADatabaseError(Exception):
    """The file is not one of SQLite's."""


def revision_of(path: Path) -> str | None:
    """Return the revision of an existing database, None if it has none.

    Raises NotADatabaseError, and SetupError when it cannot be opened.
    """
    try:
        connection = connect_reader(path)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise SetupError(cannot_open(path, error)) from error
        row = None
    except sqlite3.DatabaseError as error:
        raise NotADatabaseError(str(error)) from error
    return None if row is None else str(row[0])


def cannot_open(path: Path, error: sqlite3.Error) -> str:
    """Return the error for a file that SQLite cannot use."""
    if shutil.disk_usage(path.parent).free < _LEAST_FREE:
        return f"{path} cannot be opened ({error}): the disk is full; make room"
    if not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK):
        return (
            f"{path} cannot be written ({error}): give the server's user the right to write to"
            f" {path.parent} and everything in it; a disk may also be mounted read-only"
        )
    return f"{path} cannot be opened: {error}"


def _connect(path: Path, factory: type[_C]) -> _C:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",  # never mode=rwc: a mistyped path must not create a file
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions are explicit
        check_same_thread=False,
        cached_statements=256,
        factory=factory,
    )
    for pragma in _BOTH:
        connection.execute(pragma)
    return connection


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Run a block in one read transaction."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:  # SQLite ends it itself after some failures
            db.execute("ROLLBACK")  # nothing was changed; COMMIT fails after a read of a damaged page
