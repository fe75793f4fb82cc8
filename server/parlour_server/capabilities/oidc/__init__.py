"""Log in with the company's account: OpenID Connect by the device authorization grant (RFC 8628).

Parlour's server speaks with the provider; the client shows an address and a code, and asks this server
whether the person has approved. A session that begins so is like every other one. A person is the provider's
issuer and subject, and nothing else: never a mail address, never a name.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.capabilities.oidc.commands import oidc
from parlour_server.core.store.table_facts import AccountRows, Metadata, Rule, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_server.core.kit_store import KitStore


def _served() -> Served:
    from parlour_server.capabilities.oidc.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.oidc.settings import OidcSettings  # noqa: PLC0415 - not for `--help`

    return {"oidc": OidcSettings}


def _tables() -> Metadata:
    from parlour_server.capabilities.oidc.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


async def _export(store: "KitStore", user_name: "UserName") -> "Mapping[str, object]":
    from parlour_server.capabilities.oidc.store import OidcStore  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    linked = await OidcStore(store, SystemClock()).linked(user_name)
    return {
        "company_accounts": [
            {"issuer": one.identity.issuer, "subject": one.identity.subject, "checked": one.checked}
            for one in linked
        ]
    }


CAPABILITY: Final = Capability(
    name="oidc",
    served=_served,
    settings=_settings,
    commands=(oidc,),
    tables=Tables(
        metadata=_tables,
        bounds={
            "oidc_accounts": "accounts",
            "oidc_logins": "1,000, for ten minutes; 20 of one address",
        },
        rules=(Rule("oidc_logins", ("digest",), "expires <= ?1"),),
        of_accounts=(AccountRows("oidc_accounts", _export),),
    ),
)
