"""Prometheus metrics, on a listener of their own that only this machine can reach.

Off unless `listen.metrics` names a loopback address: the numbers are private, and the listener uses plain
HTTP. No label carries a name, an address or an id.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from parlour_server.kit.addresses import is_loopback
from parlour_server.kit.audit import AuditEvent
from parlour_server.kit.errors import SetupError

_SECONDS: Final = (0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05)
"""Around the budget of 1 ms."""
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

    def inspections(self) -> "InspectionMetrics":
        """Return the numbers of the inspectors. Call it once."""
        return InspectionMetrics(self._program, self.registry)

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a number that ``value`` returns."""
        Gauge(f"{self._program}_{name}", about, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return all current numbers in Prometheus' text format."""
        return generate_latest(self.registry)


class InspectionMetrics:
    """Counts what inspectors found and how often they failed, and how long they took."""

    def __init__(self, program: str, registry: CollectorRegistry) -> None:
        """Begin at nothing; only a server with inspectors has these numbers."""
        self._found = Counter(
            f"{program}_inspections", "Findings", ["inspector", "action"], registry=registry
        )
        self._failed = Counter(f"{program}_inspectors_failed", "Failures", ["inspector"], registry=registry)
        self._seconds = Histogram(
            f"{program}_inspection_seconds",
            "Time of the shipped inspectors for one request",
            buckets=_SECONDS,
            registry=registry,
        )

    def found(self, inspector: str, action: str) -> None:
        """Count one finding."""
        self._found.labels(inspector, action).inc()

    def failed(self, inspector: str) -> None:
        """Count one failure."""
        self._failed.labels(inspector).inc()

    def took(self, seconds: float) -> None:
        """Count one request."""
        self._seconds.observe(seconds)


def refuse_open(host: str) -> None:
    """Raise SetupError for an address that other machines can reach."""
    if not is_loopback(host):
        raise SetupError(
            f"listen.metrics is {host}: metrics have no TLS, so use a loopback address such as 127.0.0.1:9464"
        )
