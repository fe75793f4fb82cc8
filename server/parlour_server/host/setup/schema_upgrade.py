"""Upgrades the database of a data folder to the schema of this version, while no server runs on it."""

from typing import Any

from parlour_server.app.program_spec import ProgramSpec
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.open_store import engine_for


def upgrade_schema(
    program: ProgramSpec[Any, Any], folder: DataFolder, settings: Settings
) -> tuple[str | None, str | None]:
    """Return the schema before and after. Raises SetupError."""
    engine, schema = engine_for(program, folder, settings), program.schema
    with locked(folder):
        before = schema.current(engine)
        schema.upgrade(engine)
        return before, schema.current(engine)
