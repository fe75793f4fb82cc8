"""Reports in a running chat, which people send."""

from typing import Any, Final

from parlour_protocol.frames.requests import Report
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.token_buckets import HOUR, KeyedBuckets
from parlour_server.app.metrics import Kind, Metric, Scope
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.message_reports.queue import Reports
from parlour_server.chat.capabilities.message_reports.settings import ReportRates
from parlour_server.chat.capabilities.message_reports.submission import AbuseReports, ReportEvent
from parlour_server.chat.capability import ChatServed
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.config.server_settings import section

_OPEN: Final = Metric(
    "reports_open", Kind.GAUGE, "Abuse reports that wait for the operator", scope=Scope.DATABASE
)


def _join(parts: Parts[Any, ChatStore], chat: Chat) -> None:
    queue = Reports(parts.store, parts.steady)
    most = section(parts.settings, ReportRates).reports_per_hour
    limit: KeyedBuckets[UserName] = KeyedBuckets(most, per=HOUR, burst=most, setting="rates.reports_per_hour")
    chat.hooks.handlers[Report] = AbuseReports(queue, parts.clock, parts.audit).submit
    chat.hooks.limits[Report] = limit
    parts.metrics.rows(queue.count_open, _OPEN)


SERVED: Final = ChatServed(
    join=_join, metrics=(_OPEN,), audit_events=tuple(ReportEvent), limits=("rates.reports_per_hour",)
)
