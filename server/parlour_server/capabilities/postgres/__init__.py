"""A PostgreSQL database of several servers in place of the SQLite file: its engine, and all that they share.

That is what they know of each other (limits, presence), tickets, and the fingerprints of their keys.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.capabilities.postgres.commands import INIT_OPTIONS, import_
from parlour_server.core.store.table_facts import AccountRows, Metadata, Tables

if TYPE_CHECKING:
    from parlour_server.core.config.server_settings import Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.store.engine.connection import Engine


def _served() -> Served:
    from parlour_server.capabilities.postgres.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.postgres.settings import DatabaseSettings  # noqa: PLC0415 - not for `--help`

    return {"database": DatabaseSettings}


def _tables() -> Metadata:
    from parlour_server.capabilities.postgres.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _engine(folder: "DataFolder", settings: "Settings", read_only: bool) -> "Engine | None":  # noqa: FBT001 - see ``Capability``
    from parlour_server.capabilities.postgres.settings import DatabaseSettings  # noqa: PLC0415 - not for `--help`
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415

    database = section(settings, DatabaseSettings)
    if not database.url:
        return None
    from parlour_server.capabilities.postgres.open_engine import open_engine  # noqa: PLC0415 - not for a file

    password = folder.path / database.password_file if database.password_file else None
    return open_engine(database.url, password, read_only=read_only)


CAPABILITY: Final = Capability(
    name="postgres",
    served=_served,
    settings=_settings,
    engine=_engine,
    commands=(import_,),
    options={"init": INIT_OPTIONS},
    tables=Tables(
        metadata=_tables,
        bounds={
            "node_accounts": "people connected",
            "nodes": "one for each server",
            "server_keys": "a few rows",
            "tickets": "logins.ticket_seconds",
        },
        # not exported: tickets last for seconds, and who is connected is told by the server
        of_accounts=(AccountRows("node_accounts"), AccountRows("tickets")),
    ),
)
