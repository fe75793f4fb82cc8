"""The rules of the server: its operator writes them, and everyone can read them."""

from typing import Final

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.core.store.table_facts import Metadata, Tables

from server_rules.commands import rules


def _served() -> Served:
    from server_rules.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from server_rules.settings import RulesSettings  # noqa: PLC0415 - not for `--help`

    return {"rules": RulesSettings}


def _tables() -> Metadata:
    from server_rules.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


CAPABILITY: Final = Capability(
    name="server_rules",
    served=_served,
    commands=(rules,),
    settings=_settings,
    tables=Tables(metadata=_tables, bounds={"server_rules": "one row"}),
)
