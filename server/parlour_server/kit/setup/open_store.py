"""Opens the store of a data folder, and chooses its implementation.

It never creates a database or changes a schema (`initialise` and `migrate` do).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour_server.kit.clock import Clock
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.store.interface import Store


def make_store(folder: DataFolder, clock: Clock, *, tells_by_bus: bool = False) -> Store:
    """Return the store, not opened yet; ``tells_by_bus`` is for servers (see ``SqliteStore``)."""
    from parlour_server.store.sqlite.sqlite_store import SqliteStore  # noqa: PLC0415 - not for `--help`

    return SqliteStore(folder.database, clock, tells_by_bus=tells_by_bus)


@asynccontextmanager
async def opened(folder: DataFolder, clock: Clock) -> AsyncIterator[Store]:
    """Open the store for a command; a server may be running."""
    store = make_store(folder, clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
