"""Abuse reports: people send messages to the operator, who reads and closes them by commands."""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Sections
from parlour_server.chat.capabilities.message_reports.commands import report
from parlour_server.chat.capability import ChatCapability, ChatServed
from parlour_server.core.store.table_facts import Metadata, Rule, Tables

if TYPE_CHECKING:
    from parlour_server.chat.store.store_part import StorePart


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.message_reports.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.chat.capabilities.message_reports.settings import ReportRates  # noqa: PLC0415 - not for `--help`

    return {"rates": ReportRates}


def _tables() -> Metadata:
    from parlour_server.chat.capabilities.message_reports.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _in_store() -> "StorePart":
    from parlour_server.chat.capabilities.message_reports.accounts import IN_STORE  # noqa: PLC0415 - not for `--help`

    return IN_STORE


CAPABILITY: Final = ChatCapability(
    name="message_reports",
    served=_served,
    settings=_settings,
    commands=(report,),
    tables=Tables(
        metadata=_tables,
        bounds={"reports": "1,000 open ones"},
        rules=(Rule("reports", ("report",), "closed <= ?1"),),
    ),
    in_store=_in_store,
)
