"""Limits that the operator gives single accounts, in place of those that the settings give everyone.

The core asks ``AccountLimits``, which is empty without this.
"""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks
from parlour_server.capabilities.user_limits.commands import user
from parlour_server.core.store.table_facts import AccountRows, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import MetaData

    from parlour_protocol.kit.names import UserName
    from parlour_server.app.parts import Parts
    from parlour_server.core.kit_store import KitStore


def _tables() -> "MetaData":
    from parlour_server.capabilities.user_limits.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


async def _export(store: "KitStore", user_name: "UserName") -> "Mapping[str, object]":
    from parlour_server.capabilities.user_limits.store import UserLimits  # noqa: PLC0415 - keeps `--help` quick

    return {"limits": await UserLimits(store).of(user_name)}


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_server.capabilities.user_limits.store import CHANGED, UserLimits  # noqa: PLC0415 - not for commands

    limits = UserLimits(parts.store)

    async def read() -> None:
        parts.limits.replace(await limits.all())

    hooks.read_again[CHANGED] = read


CAPABILITY: Final = Capability(
    name="user_limits",
    start=_start,
    commands=(user,),
    tables=Tables(
        metadata=_tables,
        bounds={"account_limits": "accounts"},
        of_accounts=(AccountRows("account_limits", _export),),
    ),
)
