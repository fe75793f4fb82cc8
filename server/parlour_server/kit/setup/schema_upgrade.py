"""Upgrades the database of a data folder to the schema of this version, while no server runs on it."""

from parlour_server.kit.config.server_settings import Settings
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.setup.folder_lock import locked
from parlour_server.kit.setup.open_store import engine_for
from parlour_server.kit.store.schema import Schema


def upgrade_schema(schema: Schema, folder: DataFolder, settings: Settings) -> tuple[str | None, str | None]:
    """Return the schema before and after. Raises SetupError."""
    engine = engine_for(folder, settings.database)
    with locked(folder):
        before = schema.current(engine)
        schema.upgrade(engine)
        return before, schema.current(engine)
