"""Receivers: servers elsewhere that are sent what happens in unencrypted rooms, signed.

Events go only to servers that the operator named in the configuration, never where a name or a redirect
leads, and never in a message's way.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Sections
from parlour_server.chat.capabilities.event_receivers.commands import receiver
from parlour_server.chat.capability import ChatCapability, ChatServed
from parlour_server.core.store.table_facts import Metadata, Rule, Tables

if TYPE_CHECKING:
    from parlour_server.chat.store.store_part import StorePart


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.event_receivers.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.chat.capabilities.event_receivers.settings import ReceiverSettings  # noqa: PLC0415 - not for `--help`

    return {"receivers": ReceiverSettings}


def _tables() -> Metadata:
    from parlour_server.chat.capabilities.event_receivers.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _in_store() -> "StorePart":
    from parlour_server.chat.capabilities.event_receivers.rows import IN_STORE  # noqa: PLC0415 - not for `--help`

    return IN_STORE


CAPABILITY: Final = ChatCapability(
    name="event_receivers",
    served=_served,
    settings=_settings,
    commands=(receiver,),
    tables=Tables(
        metadata=_tables,
        bounds={
            "event_receivers": "100",
            "event_deliveries": "1,000 that wait and 1,000 that failed for each receiver",
        },
        rules=(Rule("event_deliveries", ("receiver", "seq"), "failed <= ?1"),),
    ),
    in_store=_in_store,
)
