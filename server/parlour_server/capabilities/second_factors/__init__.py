"""The second factor: codes of an app, recovery codes, security keys; who has them, and who must.

The core knows of an account only that its password is not enough, and asks ``Hooks.after_password``.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.capabilities.second_factors.commands import user
from parlour_server.core.store.table_facts import AccountRows, Metadata, Rule, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.store.records import AccountOverview


def _served() -> Served:
    from parlour_server.capabilities.second_factors.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.second_factors.settings import FactorSettings  # noqa: PLC0415 - not for `--help`

    return {"logins": FactorSettings}


def _tables() -> Metadata:
    from parlour_server.capabilities.second_factors.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _listed(account: "AccountOverview") -> "tuple[Mapping[str, object], str]":
    fields = {"second_factor": account.needs_proof, "second_factor_required": account.proof_required}
    if account.needs_proof:
        return fields, "second factor"
    return fields, "second factor required, none yet" if account.proof_required else ""


async def _export_factors(store: "KitStore", user_name: "UserName") -> "Mapping[str, object]":
    from parlour_server.capabilities.second_factors.store import FactorStore  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    found = await FactorStore(store, SystemClock()).of(user_name)
    return {
        "second_factors": [
            {
                "kind": factor.kind,
                "name": factor.name,
                "created": factor.created,
                "last_used": factor.last_used,
            }
            for factor in found.factors
        ],
        "recovery_codes": found.recovery_codes,
    }


CAPABILITY: Final = Capability(
    name="second_factors",
    served=_served,
    settings=_settings,
    commands=(user,),
    listed=_listed,
    tables=Tables(
        metadata=_tables,
        bounds={
            "factor_challenges": "20 for each session, and each address that logs in, for five minutes",
            "recovery_codes": "10 for each account",
            "second_factors": "10 for each account",
        },
        rules=(
            Rule("factor_challenges", ("digest",), "expires <= ?1"),
            Rule("second_factors", ("factor",), "expires <= ?1"),  # one that no one finished setting up
        ),
        of_accounts=(
            AccountRows("second_factors", _export_factors),
            AccountRows("recovery_codes"),
            AccountRows("factor_challenges"),
        ),
    ),
)
