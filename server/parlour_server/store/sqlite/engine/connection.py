"""Opens the database file, with everything SQLite must be told to keep the store's promises.

It never makes a file and never changes a schema: a database that is missing or not of this program's
schema is refused. The writer opens one connection, each reader thread one of its own.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from parlour_server.errors import SetupError
from parlour_server.store.schema_version import SCHEMA_VERSION, no_schema

BUSY_SECONDS: Final = 5.0
"""How long a transaction waits for one of another process (an administration command)."""

WAL_BYTES: Final = 64 * 1024 * 1024
"""What the -wal file is cut back to after it had to grow beyond it."""

_LEAST_FREE: Final = 64 * 1024
"""Without so much room SQLite cannot make the files that it needs beside the database."""

_WRITER: Final = (
    "PRAGMA synchronous = FULL",  # an acknowledged event survives the loss of power
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted content is overwritten, not only unlinked (K2)
    # twice what SQLite does by itself: pages that many events share are copied back half as often
    "PRAGMA wal_autocheckpoint = 2000",
    f"PRAGMA journal_size_limit = {WAL_BYTES}",
)
_BOTH: Final = (
    "PRAGMA temp_store = MEMORY",  # no copy of content in temporary files
    "PRAGMA trusted_schema = OFF",  # nothing in a swapped file's schema runs as code
)


class WriteConnection(sqlite3.Connection):
    """The one connection that writes."""

    stale_wal: bool = False
    """Something was deleted, and its old text still stands in the -wal file."""

    announces: bool = True
    """Each event goes into the journal as well: servers hear of this process by nothing else."""


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
    """Empty the -wal file: after a deletion it holds the pages as they were before (K2).

    Does not wait for readers: while one reads old pages they stay, and ``stale_wal`` stays true.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    connection.stale_wal = bool(busy)


def check_schema(path: Path) -> None:
    """Raise SetupError unless the file is a database of this program's schema."""
    revision = schema_of(path)
    if revision is None:
        raise SetupError(no_schema(path))
    if revision < SCHEMA_VERSION:
        raise SetupError(f"{path} has an older schema; run `parlour-server migrate`")
    if revision > SCHEMA_VERSION:
        raise SetupError(f"{path} was made by a newer parlour-server; install that version or a newer one")


def schema_of(path: Path) -> str | None:
    """Return the revision of a database, None where none stands in it; changes nothing. Raises SetupError."""
    if not path.is_file():
        raise SetupError(f"there is no database at {path}; make one with `parlour-server init`")
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
        raise SetupError(f"{path} is not a Parlour database: {error}") from error
    return None if row is None else str(row[0])


def cannot_open(path: Path, error: sqlite3.Error) -> str:
    """Return what to say, and to do, when SQLite cannot use the file."""
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
        f"{path.absolute().as_uri()}?mode=rw",  # never mode=rwc: a mistyped path must not make a file
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions begin and end where the code says so
        check_same_thread=False,
        cached_statements=256,
        factory=factory,
    )
    for pragma in _BOTH:
        connection.execute(pragma)
    return connection


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Hold the state that the first SELECT inside sees, until the end."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:  # SQLite ends it itself after some failures
            db.execute("ROLLBACK")  # nothing was changed; COMMIT fails after a read of a damaged page
