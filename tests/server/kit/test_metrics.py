"""Metrics say nothing about people."""

from parlour_server.chat_audit import ChatAuditEvent
from parlour_server.kit.audit import AuditEvent
from parlour_server.kit.metrics import Metrics


def test_events_and_gauges_are_shown() -> None:
    """What a scrape gets."""
    metrics = Metrics("parlour", ChatAuditEvent)
    metrics.count(AuditEvent.LOGIN_OK)
    metrics.gauge("connections", "WebSocket connections", lambda: 7)
    text = metrics.text().decode()
    assert 'parlour_events_total{event="login_ok"} 1.0' in text
    assert 'parlour_events_total{event="group_founded"} 0.0' in text
    assert "parlour_connections 7.0" in text
