"""Abuse reports: people send messages to the operator, who reads and closes them by commands."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.chat.capabilities.message_reports.audit_events import ReportEvent
from parlour_server.chat.capabilities.message_reports.commands import report
from parlour_server.chat.capability import ChatCapability
from parlour_server.core.store.table_facts import Rule, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import MetaData

    from parlour_server.app.metrics import Metric
    from parlour_server.app.parts import Parts
    from parlour_server.chat.service.chat import Chat
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.store_part import StorePart
    from parlour_server.core.config.server_settings import Section


def _tables() -> "MetaData":
    from parlour_server.chat.capabilities.message_reports.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _keys() -> "Mapping[str, type[Section]]":
    from parlour_server.chat.capabilities.message_reports.settings import ReportRates  # noqa: PLC0415 - not for `--help`

    return {"rates": ReportRates}


def _metrics() -> "tuple[Metric, ...]":
    from parlour_server.chat.capabilities.message_reports.metrics import REPORTS_OPEN  # noqa: PLC0415 - not for `--help`

    return (REPORTS_OPEN,)


def _in_store() -> "tuple[StorePart, ...]":
    from parlour_server.chat.capabilities.message_reports.accounts import REPORTER  # noqa: PLC0415 - not for `--help`
    from parlour_server.chat.store.store_part import StorePart  # noqa: PLC0415

    return (StorePart(accounts=REPORTER),)


def _join(parts: "Parts[Any, ChatStore]", chat: "Chat") -> None:
    from parlour_server.chat.capabilities.message_reports.join import join  # noqa: PLC0415 - not for commands

    join(parts, chat)


CAPABILITY: Final = ChatCapability(
    name="message_reports",
    join=_join,
    commands=(report,),
    tables=Tables(
        metadata=_tables,
        bounds={"reports": "1,000 open ones"},
        rules=(Rule("reports", ("report",), "closed <= ?1"),),
    ),
    keys=_keys,
    metrics=_metrics,
    audit_events=tuple(ReportEvent),
    limits=("rates.reports_per_hour",),
    in_store=_in_store,
)
