"""Finds the database of a data folder, and opens the store for a command.

It is the SQLite file in the folder, or the PostgreSQL database that the settings name. Nothing here creates a
database or changes a schema (`initialise` and `migrate` do).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from parlour_server.app.program_spec import ProgramSpec
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import DatabaseSettings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.config.settings_loader import load

if TYPE_CHECKING:
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.store.engine.postgres_engine import PostgresEngine

_Store = TypeVar("_Store", bound="KitStore")


def engine_for(folder: DataFolder, settings: DatabaseSettings, *, read_only: bool = False) -> Engine:
    """Return the engine of the folder's database. It connects to nothing yet. Raises SetupError.

    With ``read_only`` a connection that writes can't do so either.
    """
    if not settings.url:
        return SqliteEngine(folder.database, read_only=read_only)
    password = folder.path / settings.password_file if settings.password_file else None
    return postgres_engine(settings.url, password, read_only=read_only)


def postgres_engine(
    url: str, password_file: Path | None = None, *, read_only: bool = False
) -> "PostgresEngine":
    """Return the engine of a PostgreSQL database. Raises SetupError, also without the driver."""
    try:
        from parlour_server.core.store.engine.postgres_engine import PostgresEngine  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SetupError(
            f"PostgreSQL needs its driver ({error}); "
            "install Parlour's extra `cluster` (docs/how-to/install.md)"
        ) from error
    return PostgresEngine(url, password_file, read_only=read_only)


def refuse_secrets(database: str | None) -> None:
    """Raise SetupError for a password in a URL that stood on a command line."""
    change = "every user of this machine could read it on the command line, so change it"
    if database and postgres_engine(database).has_password:
        raise SetupError(
            f"--database has a password in it: {change}, put it into a file, and give that as"
            " --database-password-file"
        )


@asynccontextmanager
async def opened(
    program: ProgramSpec[Any, _Store], folder: DataFolder, clock: Clock, *, read_only: bool = False
) -> AsyncIterator[_Store]:
    """Open the store; a server may be running."""
    settings = load(folder.settings, program.settings, program.name)
    store = program.make_store(engine_for(folder, settings.database, read_only=read_only), clock, False)
    await store.open(program.schema)
    try:
        yield store
    finally:
        await store.close()
