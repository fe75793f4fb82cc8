"""The engine of a SQLite file: its connections, with the pragmas that the store's guarantees need.

It never creates a file or changes a schema. The writer has one connection, each reader thread its own. One
write runs at a time, whatever it is within: the file has one lock.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import (
    HalfDoneError,
    Job,
    NotADatabaseError,
    Outcome,
    unavailable,
)

if TYPE_CHECKING:
    from parlour_server.core.clock import Clock
    from parlour_server.core.store.engine.writer import Writer
    from parlour_server.core.store.ticket_store import TicketStore

BUSY_SECONDS: Final = 5.0
"""How long a transaction waits for another process (a command)."""

WAL_BYTES: Final = 64 * 1024 * 1024
"""The size that the -wal file is truncated to after it grew."""

_MOST_BROKEN: Final = 10
"""The most broken pages that are looked for."""

_SIZES: Final = """
    SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
    WHERE d.aggregate = 1 GROUP BY s.tbl_name"""

_LEAST_FREE: Final = 64 * 1024
"""The free space that SQLite needs for the files beside the database."""

# Errors of one statement belong to its write. All other errors of sqlite3 belong to the database.
_OWN_FAULT: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
)
_C = TypeVar("_C", bound=sqlite3.Connection)

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


class SqliteConnection(sqlite3.Connection):
    """A connection that reads."""

    is_lost = False
    """It is a file."""

    is_shared = False

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Run a block in one read transaction."""
        self.execute("BEGIN")
        try:
            yield
        finally:
            if self.in_transaction:  # SQLite ends it itself after some failures
                self.execute("ROLLBACK")  # nothing was changed; COMMIT fails after a read of a damaged page


class SqliteWriteConnection(SqliteConnection):
    """The one connection that writes."""

    stale_wal: bool = False
    """Something was deleted, and its old text is still in the -wal file."""

    announces: bool = True
    alone = True
    """The file has one lock for all."""

    def scrub(self) -> None:
        """Empty the -wal file: after a deletion it contains old versions of pages (K2).

        It does not wait for readers: while one reads old pages they stay, and ``stale_wal`` stays true.
        """
        self.execute("PRAGMA busy_timeout = 0")
        try:
            busy, _, _ = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        self.stale_wal = bool(busy)


class SqliteEngine:
    """The SQLite file at ``path``."""

    failures: tuple[type[Exception], ...] = (sqlite3.Error, MemoryError, SetupError)

    def is_damage(self, error: BaseException) -> bool:
        """Return whether a page is not what it should be, or the file is none of SQLite's any more."""
        code = getattr(error, "sqlite_errorcode", None)  # its low byte: the kind of error
        return code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

    is_shared = False
    dialect = "sqlite"

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """With ``read_only`` the writer's connection can't write either."""
        self.path = path
        self._read_only = read_only

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raise SetupError for an error of SQLite in a block."""
        try:
            yield
        except sqlite3.Error as error:
            raise SetupError(cannot_open(self.path, error)) from error

    def check_rights(self) -> None:
        """Do nothing: what can't be written says so by itself."""

    @property
    def unverified(self) -> str:
        """Return nothing: it is a file."""
        return ""

    def exists(self) -> bool:
        """Return whether there is a file."""
        return self.path.exists()

    def table_names(self, db: SqliteConnection) -> frozenset[str]:
        """Return the names of all tables."""
        query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
        return frozenset(name for (name,) in db.execute(query).fetchall())

    def table_sizes(self, db: SqliteConnection) -> Iterable[tuple[str, int | None]]:
        """Return the bytes of each table, by `dbstat`, which a few builds of Python lack."""
        try:
            return db.execute(_SIZES).fetchall()
        except sqlite3.OperationalError:
            return [(name, None) for name in self.table_names(db) if not name.startswith("sqlite_")]

    def find_damage(self, db: SqliteConnection) -> Iterator[str]:
        """Yield broken pages, triggers and views that nobody of us made, and rows that refer to nothing."""
        db.execute("PRAGMA cell_size_check = ON")
        for (sentence,) in db.execute(f"PRAGMA integrity_check({_MOST_BROKEN})"):
            if sentence != "ok":
                yield sentence
        query = "SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'view')"
        for kind, name in db.execute(query):
            yield f"it has a {kind} that no version of Parlour creates: {name!a}"
        for table, row, _, _ in db.execute("PRAGMA foreign_key_check"):
            yield f"row {row} of the table {table!a} refers to nothing"

    def refuse_running(self, db: SqliteConnection) -> None:
        """Do nothing: who uses a file has its folder's lock."""

    def connections(self, db: SqliteConnection) -> Mapping[str, int] | None:
        """Return None: its only server knows."""
        del db
        return None

    def make_tickets(self, writer: "Writer", clock: "Clock") -> "TicketStore | None":
        """Return None: its only server keeps them in memory."""
        del writer, clock
        return None

    def revisions(self) -> frozenset[str]:
        """Return the revisions of an existing database, none if it has no schema.

        Raises NotADatabaseError, and SetupError when it cannot be opened.
        """
        try:
            with closing(connect_reader(self.path)) as connection:
                rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise SetupError(cannot_open(self.path, error)) from error
            return frozenset()
        except sqlite3.DatabaseError as error:
            raise NotADatabaseError(str(error)) from error
        return frozenset(str(revision) for (revision,) in rows)

    def incarnation(self) -> tuple[Incarnation, Millis] | None:
        """Return the incarnation and when it began; None for an older schema. Raises SetupError."""
        try:
            with closing(connect_reader(self.path)) as db:
                if not has_table(db, "incarnation"):
                    return None
                row = db.execute("SELECT name, since FROM incarnation").fetchone()
        except sqlite3.Error as error:
            raise SetupError(cannot_open(self.path, error)) from error
        if row is None:
            raise SetupError(f"{self.path} has no incarnation for its logs; restore a backup")
        return Incarnation(row[0]), Millis(row[1])

    def connect_to_migrate(self) -> sqlite3.Connection:
        """Return a connection that changes the schema. Raises sqlite3.Error."""
        return sqlite3.connect(self.path)

    def connect_writer(self, *, announces: bool) -> SqliteWriteConnection:
        """Open the connection that writes. Raises SetupError."""
        try:
            connection = _connect(self.path, SqliteWriteConnection)
            if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
                connection.close()
                raise SetupError(
                    f"{self.path} cannot use a write-ahead log; put the data folder on a local disk"
                )
            for pragma in _WRITER:
                connection.execute(pragma)
            if self._read_only:
                connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            raise SetupError(cannot_open(self.path, error)) from error
        connection.announces = announces
        return connection

    def connect_reader(self) -> SqliteConnection:
        """Open a connection that cannot write; it may be closed by another thread. Raises sqlite3.Error."""
        return connect_reader(self.path)

    def run_batch(self, connection: SqliteWriteConnection, jobs: Sequence[Job]) -> list[Outcome]:
        """Run the jobs in order and commit them; returns when they are on disk. Raises sqlite3.Error."""
        outcomes: list[Outcome] = []
        try:
            try:
                _run(connection, jobs, outcomes, careful=False)
            except HalfDoneError:
                # Rare (writes refuse before they change anything), so savepoints are paid for only now.
                connection.execute("ROLLBACK")
                outcomes.clear()
                _run(connection, jobs, outcomes, careful=True)
            connection.execute("COMMIT")
        except self.failures as error:
            roll_back(connection)
            outcomes = [(job, None, unavailable(error)) for job in jobs]
        return outcomes


def roll_back(connection: sqlite3.Connection) -> None:
    """Roll back, unless SQLite did so itself (as it does when the disk is full)."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _run(
    connection: SqliteWriteConnection, jobs: Sequence[Job], outcomes: list[Outcome], *, careful: bool
) -> None:
    """Run the jobs in a transaction, which stays open, and add their outcomes."""
    connection.execute("BEGIN IMMEDIATE")
    for job in jobs:
        changes = connection.total_changes
        if careful:
            connection.execute("SAVEPOINT job")
        try:
            outcomes.append((job, job.run(connection), None))
        except Exception as error:  # last resort of the writer's thread
            if _is_the_databases(error):
                raise
            if careful:
                connection.execute("ROLLBACK TO job")
            elif connection.total_changes != changes:
                raise HalfDoneError from error
            outcomes.append((job, None, error))
        if careful:
            connection.execute("RELEASE job")


def _is_the_databases(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error | MemoryError) and not isinstance(error, _OWN_FAULT)


def connect_reader(path: Path) -> SqliteConnection:
    """Open a connection that cannot write; it may be closed by another thread. Raises sqlite3.Error."""
    connection = _connect(path, SqliteConnection)
    connection.execute("PRAGMA query_only = ON")
    return connection


def has_table(db: sqlite3.Connection, name: str) -> bool:
    """Return whether the database has a table of this name."""
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return db.execute(query, (name,)).fetchone() is not None


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
