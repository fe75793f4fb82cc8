"""Metrics, served on a listener of their own that only this machine can reach.

Off unless `listen.metrics` names a loopback address: the numbers are private, and the listener uses plain
HTTP. No label carries a name of a person or room, an address or an id. What is counted on the way of a
message is a plain number of its owner, without a lock, and is read when someone scrapes;
`prometheus_text.py` writes them out.

Each metric is a ``Metric``: the table of the documentation is made from these, and nothing else is shown.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from parlour_server.kit.addresses import is_loopback
from parlour_server.kit.audit import AuditEvent
from parlour_server.kit.errors import SetupError
from parlour_server.kit.histogram import Histogram


class Kind(StrEnum):
    """What can be done with the numbers of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Scope(StrEnum):
    """What a number is about, where several servers share a database."""

    SERVER = "server"
    """Add the servers' numbers up."""
    DATABASE = "database"
    """Every server shows the same number: take the highest."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is documented; its name follows the program's word, and a counter's ends in `_total`."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    scope: Scope = Scope.SERVER
    needs: str = ""
    """When it is there; always, if empty."""

    def full_name(self, program: str) -> str:
        """Return the name in the text format."""
        return f"{program}_{self.name}"


EVENTS: Final = Metric("events_total", Kind.COUNTER, "Audit events by kind", ("event",))
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
_INSPECTION_BOUNDS: Final = (0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05)
"""Around the budget of 1 ms."""

_Numbers: TypeAlias = Callable[[], Mapping[tuple[str, ...], float]]


class Metrics:
    """Counts audit events, and reads the numbers of all other parts when scraped."""

    def __init__(self, program: str, events: Iterable[StrEnum] = ()) -> None:
        """``program`` begins every name; ``events`` are its own kinds of audit events."""
        self.program: Final = program
        self._events: dict[StrEnum, int] = dict.fromkeys((*AuditEvent, *events), 0)
        self._numbers: dict[Metric, _Numbers] = {}
        self._histograms: dict[Metric, Histogram] = {}
        self.numbers(EVENTS, lambda: {(event.value,): count for event, count in self._events.items()})

    def count(self, event: StrEnum) -> None:
        """Count one audit event."""
        self._events[event] += 1

    def number(self, metric: Metric, value: Callable[[], float]) -> None:
        """Show a number that ``value`` returns."""
        self._numbers[metric] = lambda: {(): value()}

    def numbers(self, metric: Metric, values: _Numbers) -> None:
        """Show the numbers that ``values`` returns, by the values of the metric's labels."""
        self._numbers[metric] = values

    def histogram(self, metric: Metric, values: Histogram) -> None:
        """Show a histogram."""
        self._histograms[metric] = values

    def inspections(self, inspectors: Iterable[tuple[str, str]]) -> "InspectionMetrics":
        """Return the numbers of the inspectors, each with its action. Call it once."""
        found = InspectionMetrics(inspectors)
        self.numbers(INSPECTIONS, lambda: found.found_by)
        self.numbers(INSPECTORS_FAILED, lambda: {(name,): count for name, count in found.failed_by.items()})
        self.histogram(INSPECTION_SECONDS, found.seconds)
        return found

    def shown(self) -> Iterator[tuple[Metric, Mapping[tuple[str, ...], float]]]:
        """Return each metric with its numbers, as they are now, by the values of its labels."""
        for metric, values in self._numbers.items():
            yield metric, values()

    @property
    def histograms(self) -> Mapping[Metric, Histogram]:
        """The metrics that are histograms."""
        return self._histograms


class InspectionMetrics:
    """Counts what inspectors found and how often they failed, and how long they took."""

    def __init__(self, inspectors: Iterable[tuple[str, str]]) -> None:
        """Begin at 0 for each, so that the first failure is seen as one."""
        self.found_by: Counter[tuple[str, ...]] = Counter(dict.fromkeys(inspectors, 0))
        self.failed_by: Counter[str] = Counter(dict.fromkeys((name for name, _ in self.found_by), 0))
        self.seconds = Histogram(_INSPECTION_BOUNDS)

    def found(self, inspector: str, action: str) -> None:
        """Count one finding."""
        self.found_by[inspector, action] += 1

    def failed(self, inspector: str) -> None:
        """Count one failure."""
        self.failed_by[inspector] += 1

    def took(self, seconds: float) -> None:
        """Count one request."""
        self.seconds.observe(seconds)


def refuse_open(host: str) -> None:
    """Raise SetupError for an address that other machines can reach."""
    if not is_loopback(host):
        raise SetupError(
            f"other machines can reach {host} (listen.metrics), and metrics have no TLS:"
            " use a loopback address such as 127.0.0.1:9464"
        )
