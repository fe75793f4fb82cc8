"""Finds the database of a data folder, and opens the store for a command.

It is the SQLite file in the folder, or what a capability has in its place. Nothing here creates a database or
changes a schema (`initialise` and `migrate` do).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import served_by
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.store.database import Database
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.config.settings_loader import load

if TYPE_CHECKING:
    from parlour_server.core.kit_store import KitStore

_Store = TypeVar("_Store", bound="KitStore")


def engine_for(
    program: BaseApp[Any, Any], folder: DataFolder, settings: Settings, *, read_only: bool = False
) -> Engine:
    """Return the engine of the folder's database. It connects to nothing yet. Raises SetupError.

    With ``read_only`` a connection that writes can't do so either.
    """
    for capability in program.capabilities:
        named = capability.engine and capability.engine(folder, settings, read_only)
        if named is not None:
            return named
    return SqliteEngine(folder.database, read_only=read_only)


def claim_keys(
    program: BaseApp[Any, Any], folder: DataFolder, engine: Engine, *, replace: bool = False
) -> None:
    """Make the database know the folder's keys; see ``Served.claim_keys``."""
    for served in served_by(program.capabilities):
        if served.claim_keys is not None:
            served.claim_keys(folder, engine, replace)


@asynccontextmanager
async def opened_database(
    program: BaseApp[Any, Any], folder: DataFolder, clock: Clock, *, read_only: bool = False
) -> AsyncIterator[Database]:
    """Open the database for a command that needs only tables of its own; a server may be running."""
    settings = load(folder.settings, program.settings_type, program.name)
    engine = engine_for(program, folder, settings, read_only=read_only)
    database = Database(engine, program.schema, clock, announces=True)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def opened(
    program: BaseApp[Any, _Store], folder: DataFolder, clock: Clock, *, read_only: bool = False
) -> AsyncIterator[_Store]:
    """Open the store; a server may be running."""
    settings = load(folder.settings, program.settings_type, program.name)
    store = program.make_store(engine_for(program, folder, settings, read_only=read_only), clock)
    await store.open(program.schema)
    try:
        yield store
    finally:
        await store.close()
