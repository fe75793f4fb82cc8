"""Webhooks: programs elsewhere write into an unencrypted room over HTTPS, as a bot of their own.

An address with a secret is all that they have. What they send is text under the rules of every message, and
the bot's name ends in `-webhook`, which no person can register: so everyone sees who wrote it.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Sections
from parlour_server.chat.capabilities.webhooks.commands import webhook
from parlour_server.chat.capability import ChatCapability, ChatServed
from parlour_server.core.store.table_facts import AccountRows, Metadata, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_protocol.kit.names import UserName
    from parlour_server.chat.store.store_part import StorePart
    from parlour_server.core.kit_store import KitStore


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.webhooks.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.chat.capabilities.webhooks.settings import WebhookSettings  # noqa: PLC0415 - not for `--help`

    return {"webhooks": WebhookSettings}


def _tables() -> Metadata:
    from parlour_server.chat.capabilities.webhooks.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _in_store() -> "StorePart":
    from parlour_server.chat.capabilities.webhooks.rows import IN_STORE  # noqa: PLC0415 - not for `--help`

    return IN_STORE


async def _export(store: "KitStore", user_name: "UserName") -> "Mapping[str, object]":
    from parlour_server.chat.capabilities.webhooks.incoming import IncomingHooks  # noqa: PLC0415 - keeps `--help` quick

    return {"webhooks": [hook.id for hook in await IncomingHooks(store).list() if hook.bot == user_name]}


CAPABILITY: Final = ChatCapability(
    name="webhooks",
    served=_served,
    settings=_settings,
    commands=(webhook,),
    tables=Tables(
        metadata=_tables,
        bounds={"incoming_webhooks": "100"},
        of_accounts=(AccountRows("incoming_webhooks", _export),),
    ),
    in_store=_in_store,
    name_endings=("-webhook",),
)
