"""Bans of addresses and networks: refused before TLS, and their open connections closed."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks
from parlour_server.capabilities.address_bans.commands import address
from parlour_server.core.store.table_facts import Rule, Tables

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from parlour_server.app.parts import Parts


def _tables() -> "MetaData":
    from parlour_server.capabilities.address_bans.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_server.capabilities.address_bans.in_memory import BannedAddresses  # noqa: PLC0415 - not for commands
    from parlour_server.capabilities.address_bans.store import CHANGED, AddressBans  # noqa: PLC0415

    bans, banned = AddressBans(parts.store, parts.steady), BannedAddresses(parts.steady)

    async def read() -> None:
        banned.replace(await bans.all())
        hooks.close_refused()

    hooks.refused.append(banned.__contains__)
    hooks.read_again[CHANGED] = read


CAPABILITY: Final = Capability(
    name="address_bans",
    start=_start,
    commands=(address,),
    tables=Tables(
        metadata=_tables,
        bounds={"address_bans": "the operator; pruned after they ended"},
        rules=(Rule("address_bans", ("network",), "expires <= ?1"),),
    ),
)
