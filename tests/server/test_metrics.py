"""Metrics are for this machine alone, and say nothing about people."""

import socket
import urllib.request

import pytest

from parlour_server.audit import AuditEvent
from parlour_server.errors import SetupError
from parlour_server.metrics import Metrics


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "chat.example.org"])  # noqa: S104 - refused
def test_exposed_metrics_are_refused(host: str) -> None:
    """O3: without TLS, only loopback will do."""
    with pytest.raises(SetupError, match="only loopback"):
        Metrics().start(f"{host}:0")


def test_nothing_listens_by_default() -> None:
    """O3: no address, no listener."""
    metrics = Metrics()
    metrics.start("")
    metrics.stop()


def test_a_taken_port_is_a_sentence() -> None:
    """Not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SetupError, match="in use"):
        Metrics().start(f"127.0.0.1:{taken.getsockname()[1]}")


def test_events_and_gauges_are_shown() -> None:
    """What a scrape gets."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    metrics = Metrics()
    metrics.count(AuditEvent.LOGIN_OK)
    metrics.gauge("connections", "WebSocket connections", lambda: 7)
    metrics.start(f"127.0.0.1:{port}")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        metrics.stop()
    assert 'parlour_events_total{event="login_ok"} 1.0' in text
    assert "parlour_connections 7.0" in text
