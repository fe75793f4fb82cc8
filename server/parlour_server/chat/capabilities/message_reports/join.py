"""How a running chat takes reports."""

from typing import Any

from parlour_protocol.frames.requests import Report
from parlour_protocol.kit.names import UserName
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.message_reports.metrics import REPORTS_OPEN
from parlour_server.chat.capabilities.message_reports.queue import Reports
from parlour_server.chat.capabilities.message_reports.settings import ReportRates
from parlour_server.chat.capabilities.message_reports.submission import AbuseReports
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.config.server_settings import section
from parlour_server.core.token_buckets import HOUR, KeyedBuckets


def join(parts: Parts[Any, ChatStore], chat: Chat) -> None:
    """Handle the requests, and count them."""
    queue = Reports(parts.store, parts.steady)
    most = section(parts.settings, ReportRates).reports_per_hour
    limit: KeyedBuckets[UserName] = KeyedBuckets(most, per=HOUR, burst=most, setting="rates.reports_per_hour")
    chat.hooks.handlers[Report] = AbuseReports(queue, parts.clock, parts.audit).submit
    chat.hooks.limits[Report] = limit
    parts.metrics.rows(queue.count_open, REPORTS_OPEN)
