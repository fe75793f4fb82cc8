"""The operator's notices to everyone, shown by programs that have their frames in their unions."""

from typing import Final

from parlour_server.app.capability import Capability, Served
from parlour_server.capabilities.operator_notices.commands import notice
from parlour_server.core.store.table_facts import Metadata, Rule, Tables


def _served() -> Served:
    from parlour_server.capabilities.operator_notices.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _tables() -> Metadata:
    from parlour_server.capabilities.operator_notices.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


CAPABILITY: Final = Capability(
    name="operator_notices",
    served=_served,
    commands=(notice,),
    tables=Tables(
        metadata=_tables,
        bounds={"notices": "until they end, or are withdrawn"},
        rules=(Rule("notices", ("notice",), "expires <= ?1"),),
    ),
)
