"""Metrics of the inspectors of a server: findings, failures, and how long they took."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from parlour_server.app.metrics import Kind, Metric, Metrics
from parlour_server.core.histogram import Histogram

INSPECTIONS: Final = Metric(
    "inspections_total",
    Kind.COUNTER,
    "What inspectors found, and what was done about it",
    ("inspector", "action"),
    needs="inspectors",
)
INSPECTORS_FAILED: Final = Metric(
    "inspectors_failed_total",
    Kind.COUNTER,
    "Failures of inspectors",
    ("inspector",),
    needs="inspectors",
)
INSPECTION_SECONDS: Final = Metric(
    "inspection_seconds",
    Kind.HISTOGRAM,
    "Time of the inspectors for one request, or a piece of a file",
    needs="inspectors",
)
INSPECTION_METRICS: Final = (INSPECTIONS, INSPECTORS_FAILED, INSPECTION_SECONDS)
_BOUNDS: Final = (0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05)
"""Around the budget of 1 ms."""


class InspectionMetrics:
    """Counts what inspectors found and how often they failed, and how long they took."""

    def __init__(self, metrics: Metrics, inspectors: Iterable[tuple[str, str]]) -> None:
        """Begin at 0 for each of them, with its action, so that the first failure is seen as one."""
        self.found_by: Counter[tuple[str, ...]] = Counter(dict.fromkeys(inspectors, 0))
        self.failed_by: Counter[str] = Counter(dict.fromkeys((name for name, _ in self.found_by), 0))
        self.seconds = Histogram(_BOUNDS)
        metrics.numbers(INSPECTIONS, lambda: self.found_by)
        metrics.numbers(INSPECTORS_FAILED, lambda: {(name,): count for name, count in self.failed_by.items()})
        metrics.histogram(INSPECTION_SECONDS, self.seconds)

    def found(self, inspector: str, action: str) -> None:
        """Count one finding."""
        self.found_by[inspector, action] += 1

    def failed(self, inspector: str) -> None:
        """Count one failure."""
        self.failed_by[inspector] += 1

    def took(self, seconds: float) -> None:
        """Count one request."""
        self.seconds.observe(seconds)
