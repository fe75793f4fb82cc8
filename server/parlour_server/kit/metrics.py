"""Prometheus metrics, on a listener of their own that only this machine can reach.

Off unless `listen.metrics` names a loopback address: the numbers are private, and the listener uses plain
HTTP. No label carries a name, an address or an id.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from parlour_server.kit.addresses import is_loopback
from parlour_server.kit.audit import AuditEvent
from parlour_server.kit.errors import SetupError

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts audit events, and reads the server's gauges when scraped."""

    def __init__(self, program: str, events: Iterable[StrEnum] = ()) -> None:
        """``program`` begins every name; ``events`` are its own kinds of audit events."""
        self._program = program
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._events = Counter(f"{program}_events", "Audit events by kind", ["event"], registry=self.registry)
        # every kind exists from the start, and is found without formatting its labels again
        self._counters: dict[StrEnum, Counter] = {
            event: self._events.labels(event.value) for event in (*AuditEvent, *events)
        }

    def count(self, event: StrEnum) -> None:
        """Count one audit event."""
        self._counters[event].inc()

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a number that ``value`` returns."""
        Gauge(f"{self._program}_{name}", about, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return all current numbers in Prometheus' text format."""
        return generate_latest(self.registry)


def refuse_open(host: str) -> None:
    """Raise SetupError for an address that other machines can reach."""
    if not is_loopback(host):
        raise SetupError(
            f"listen.metrics is {host}: metrics have no TLS, so use a loopback address such as 127.0.0.1:9464"
        )
