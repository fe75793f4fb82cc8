"""A PostgreSQL database of several servers in place of the SQLite file: its engine, and all that they share.

That is what they know of each other (limits, presence), tickets, and the fingerprints of their keys.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks, Opened
from parlour_server.capabilities.postgres.commands import INIT_OPTIONS, import_
from parlour_server.core.store.table_facts import AccountRows, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import MetaData

    from parlour_server.app.finding import Finding
    from parlour_server.core.config.server_settings import Section, Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.store.engine.connection import Engine


def _sections() -> "Mapping[str, type[Section]]":
    from parlour_server.capabilities.postgres.settings import DatabaseSettings  # noqa: PLC0415 - not for `--help`

    return {"database": DatabaseSettings}


def _tables() -> "MetaData":
    from parlour_server.capabilities.postgres.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


async def _export_nothing(_store: object, _user: object) -> "Mapping[str, object]":
    return {}  # tickets last for seconds, and who is connected is told by the server


def _engine(folder: "DataFolder", settings: "Settings", read_only: bool) -> "Engine | None":  # noqa: FBT001 - see ``Capability``
    from parlour_server.capabilities.postgres.settings import DatabaseSettings  # noqa: PLC0415 - not for `--help`
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415

    database = section(settings, DatabaseSettings)
    if not database.url:
        return None
    from parlour_server.capabilities.postgres.open_engine import open_engine  # noqa: PLC0415 - not for a file

    password = folder.path / database.password_file if database.password_file else None
    return open_engine(database.url, password, read_only=read_only)


def _claim_keys(folder: "DataFolder", engine: "Engine", replace: bool) -> None:  # noqa: FBT001 - see ``Capability``
    if not engine.is_shared:
        return  # keys and database are in one folder
    from parlour_server.capabilities.postgres.server_keys import claim_keys  # noqa: PLC0415 - not for a file

    claim_keys(folder, engine, replace=replace)


async def _prepare(opened: Opened, hooks: Hooks) -> None:
    if opened.engine.is_shared:
        from parlour_server.capabilities.postgres.start import prepare  # noqa: PLC0415 - not for a file

        await prepare(opened, hooks)


def _findings(
    folder: "DataFolder", _settings: "Settings | None", engine: "Engine | None"
) -> "Sequence[Finding]":
    if engine is None or not engine.is_shared:
        return ()
    from parlour_server.capabilities.postgres.findings import examine_postgres  # noqa: PLC0415 - not for a file

    return examine_postgres(folder, engine)


CAPABILITY: Final = Capability(
    name="postgres",
    engine=_engine,
    claim_keys=_claim_keys,
    prepare=_prepare,
    sections=_sections,
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
        of_accounts=tuple(AccountRows(table, _export_nothing) for table in ("node_accounts", "tickets")),
    ),
    findings=_findings,
)
