"""Opens the store of a data folder for a command.

It never creates a database or changes a schema (`initialise` and `migrate` do).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from parlour_server.kit.clock import Clock
from parlour_server.kit.program_spec import ProgramSpec
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.store.interface import KitStore

_Store = TypeVar("_Store", bound=KitStore)


@asynccontextmanager
async def opened(
    program: ProgramSpec[Any, _Store], folder: DataFolder, clock: Clock
) -> AsyncIterator[_Store]:
    """Open the store; a server may be running."""
    store = program.make_store(folder, clock, False)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
