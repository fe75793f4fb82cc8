"""Bans of addresses and networks: refused before TLS, and their open connections closed."""

from typing import Final

from parlour_server.app.capability import Capability, Served
from parlour_server.capabilities.address_bans.commands import address
from parlour_server.core.store.table_facts import Metadata, Rule, Tables


def _served() -> Served:
    from parlour_server.capabilities.address_bans.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _tables() -> Metadata:
    from parlour_server.capabilities.address_bans.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


CAPABILITY: Final = Capability(
    name="address_bans",
    served=_served,
    commands=(address,),
    tables=Tables(
        metadata=_tables,
        bounds={"address_bans": "the operator; pruned after they ended"},
        rules=(Rule("address_bans", ("network",), "expires <= ?1"),),
    ),
)
