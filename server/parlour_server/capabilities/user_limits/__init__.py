"""Limits that the operator gives single accounts, in place of those that the settings give everyone.

The core asks ``AccountLimits``, which is empty without this.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Capability, Served
from parlour_server.capabilities.user_limits.commands import user
from parlour_server.core.store.table_facts import AccountRows, Metadata, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_server.core.kit_store import KitStore


def _served() -> Served:
    from parlour_server.capabilities.user_limits.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _tables() -> Metadata:
    from parlour_server.capabilities.user_limits.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


async def _export(store: "KitStore", user_name: "UserName") -> "Mapping[str, object]":
    from parlour_server.capabilities.user_limits.store import UserLimits  # noqa: PLC0415 - keeps `--help` quick

    return {"limits": await UserLimits(store).of(user_name)}


CAPABILITY: Final = Capability(
    name="user_limits",
    served=_served,
    commands=(user,),
    tables=Tables(
        metadata=_tables,
        bounds={"account_limits": "accounts"},
        of_accounts=(AccountRows("account_limits", _export),),
    ),
)
