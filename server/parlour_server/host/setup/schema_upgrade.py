"""Upgrades the database of a data folder to the schema of this version, while no server runs on it."""

from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.store.schema import Schema
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.open_store import engine_for


def upgrade_schema(schema: Schema, folder: DataFolder, settings: Settings) -> tuple[str | None, str | None]:
    """Return the schema before and after. Raises SetupError."""
    engine = engine_for(folder, settings.database)
    with locked(folder):
        before = schema.current(engine)
        schema.upgrade(engine)
        return before, schema.current(engine)
