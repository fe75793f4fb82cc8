"""Creates a database, upgrades its schema, and reports its version.

A server never migrates: it refuses an old database. `parlour-server
init` calls ``create``, `parlour-server migrate` calls ``upgrade``; both load SQLAlchemy and Alembic, which a
running server does not.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from parlour_server.kit.errors import SetupError
from parlour_server.kit.store.engine.connection import schema_of
from parlour_server.store.schema_version import no_schema

MIGRATIONS: Final = Path(__file__).with_name("migrations")
PRIVATE: Final = 0o600


def create(path: Path) -> None:
    """Create a database with the newest schema, readable only by its owner. Raises SetupError."""
    try:
        # O_EXCL: never use a file or link that someone put there
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE)
    except FileExistsError:
        raise SetupError(f"{path} exists already; `parlour-server migrate` brings it up to date") from None
    except OSError as error:
        raise SetupError(f"{path} cannot be created: {error.strerror}") from error
    try:
        os.fchmod(descriptor, PRIVATE)  # whatever the umask is; SQLite gives its -wal and -shm the same mode
    finally:
        os.close(descriptor)
    _apply_all(path)


def upgrade(path: Path) -> None:
    """Apply every revision that the database lacks, in one transaction. Raises SetupError.

    A file that is not a Parlour database is left unchanged.
    """
    found, newest = current(path), head()
    if found is None:
        raise SetupError(no_schema(path))
    if found > newest:
        raise SetupError(f"{path} was made by a newer parlour-server; install that version or a newer one")
    _apply_all(path)


def _apply_all(path: Path) -> None:
    with _connect(path) as connection, connection.begin():
        config = _config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SetupError(
                f"{path} was made by another version of parlour-server ({error}); install that or a newer one"
            ) from error


def current(path: Path) -> str | None:
    """Return the revision of the database, None if it has none. Raises SetupError."""
    return schema_of(path)


def head() -> str:
    """Return the newest revision."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise SetupError("this installation lacks its migrations; install parlour-server again")
    return newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connect(path: Path) -> Iterator[Connection]:
    if not path.is_file():
        raise SetupError(f"there is no database at {path}; `parlour-server init` creates one")
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as connection:
            yield connection
    except DatabaseError as error:
        raise SetupError(f"{path} cannot be migrated: {error.orig}{_advice(path)}") from error
    finally:
        engine.dispose()


def _advice(path: Path) -> str:
    """Return what to do about a system error."""
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        return f"; give the server's user the right to write to {path.parent} and everything in it"
    return ""


def _configure(connection: Any, _record: object) -> None:
    # sqlite3 would commit before each DDL statement; with None the transaction is ours, see _begin
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 5000")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
