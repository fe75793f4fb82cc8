"""Creates a database, or brings it up to date, with Alembic, which a running server doesn't load."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.ids import new_incarnation
from parlour_server.app.base_app import BaseApp
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store import tables
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.revisions import read_revisions
from parlour_server.core.store.schema import Schema, engine_of
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.open_store import engine_for

PRIVATE: Final = 0o600


def _fill_nothing(_connection: Connection) -> None:
    return


def create(place: Path | Engine, schema: Schema, fill: Callable[[Connection], None] = _fill_nothing) -> None:
    """Create the newest schema in an empty database, or in a new file of SQLite, and ``fill`` it.

    Only its owner can read the file. Raises SetupError.
    """
    engine = engine_of(place)
    if isinstance(engine, SqliteEngine):
        _create_file(engine.path, schema)
    elif engine.revisions():
        raise SetupError(
            f"{engine} has tables already; `{schema.program.command} migrate` brings them up to date"
        )
    with _connect(engine) as connection, connection.begin():
        tables.metadata.create_all(connection)
        schema.tables().create_all(connection)
        _create_of_capabilities(connection, schema)
        connection.execute(
            tables.incarnation.insert().values(
                id=1, name=new_incarnation(), since=time.time_ns() // 1_000_000
            )
        )
        config = _config(schema, connection)
        command.stamp(config, sorted(read_revisions(schema.migrations / "versions").newest))
        command.upgrade(config, "heads")  # makes the tables that a program's own revisions make
        fill(connection)


def _create_file(path: Path, schema: Schema) -> None:
    try:
        # O_EXCL: never use a file or link that someone put there
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE)
    except FileExistsError:
        raise SetupError(
            f"{path} exists already; `{schema.program.command} migrate` brings it up to date"
        ) from None
    except OSError as error:
        raise SetupError(f"{path} cannot be created: {error.strerror}") from error
    try:
        os.fchmod(descriptor, PRIVATE)  # whatever the umask is; SQLite gives its -wal and -shm the same mode
    finally:
        os.close(descriptor)


def upgrade(place: Path | Engine, schema: Schema) -> list[str]:
    """Apply every revision that the database lacks, in one transaction. Raises SetupError.

    Returns the tables of capabilities that were missing. A database that is not one of this program is left
    unchanged.
    """
    engine = engine_of(place)
    schema.applied(engine)
    with _connect(engine) as connection, connection.begin():
        command.upgrade(_config(schema, connection), "heads")
        return _create_of_capabilities(connection, schema)


def upgrade_folder(
    program: BaseApp[Any, Any], folder: DataFolder, settings: Settings
) -> tuple[str | None, str | None, list[str]]:
    """Upgrade the database of a data folder while no server runs on it. Raises SetupError.

    Returns the schema before and after, and the tables of capabilities that were missing.
    """
    engine, schema = engine_for(program, folder, settings), program.schema
    with locked(folder):
        before = schema.current(engine)
        made = upgrade(engine, schema)
        return before, schema.current(engine), made


def _create_of_capabilities(connection: Connection, schema: Schema) -> list[str]:
    """Create those that are missing, and return them: a capability may be newer than the database.

    Raises ProgramError for a table without a bound: nothing looks after it, and it may be another one's.
    """
    there = set(inspect(connection).get_table_names())
    for found in schema.capabilities:
        metadata = found.metadata()
        if differ := metadata.tables.keys() ^ found.bounds.keys():
            raise ProgramError(f"a capability has to give each of its tables a bound: {min(differ)}")
        metadata.create_all(connection)
    return sorted(schema.bounds.keys() - there)


def _config(schema: Schema, connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", os.pathsep.join(map(str, schema.folders)).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connect(database: Engine) -> Iterator[Connection]:
    if isinstance(database, SqliteEngine):
        engine = create_engine(f"sqlite:///{database.path}", poolclass=NullPool)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        advice = _advice(database.path)
    else:
        engine = create_engine(
            f"{database.dialect}://", creator=database.connect_to_migrate, poolclass=NullPool
        )
        advice = ""
    try:
        with engine.connect() as connection:
            yield connection
    except DatabaseError as error:
        raise SetupError(f"{database} cannot be migrated: {error.orig}{advice}") from error
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
    # of a new file: free pages can be given back to the disk (`disk vacuum`)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 5000")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
