"""Metrics of the parts of a server, its program and its capabilities, for whatever shows them.

A number is a plain one of its owner, counted on the way of a message without a lock; here stands only how to
read it, and nothing reads it until someone asks. No label carries a name of a person or room, an address or
an id.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from parlour_server.core.histogram import Histogram


class Kind(StrEnum):
    """How the numbers of a metric can be used."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Scope(StrEnum):
    """The scope of a number, where several servers share a database."""

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
        """Return the name under which a program shows it."""
        return f"{program}_{self.name}"


Values: TypeAlias = Mapping[tuple[str, ...], float]
"""Numbers by the values of their metric's labels."""


class Metrics:
    """Where the numbers of a server are, by their metrics."""

    def __init__(self) -> None:
        self.values: Final[dict[Metric, Callable[[], Values]]] = {}
        self.histograms: Final[dict[Metric, Histogram]] = {}
        self.of_rows: Final[dict[tuple[Metric, ...], Callable[[], Awaitable[Sequence[float]]]]] = {}
        """To be read now and then, because they wait for the database."""

    def number(self, metric: Metric, value: Callable[[], float]) -> None:
        """``value`` returns the number now."""
        self.values[metric] = lambda: {(): value()}

    def numbers(self, metric: Metric, values: Callable[[], Values]) -> None:
        """``values`` returns the numbers now."""
        self.values[metric] = values

    def histogram(self, metric: Metric, values: Histogram) -> None:
        """``values`` is the histogram itself."""
        self.histograms[metric] = values

    def rows(self, read: Callable[[], Awaitable[Sequence[float]]], *metrics: Metric) -> None:
        """``read`` counts rows of the database, and returns the numbers of ``metrics`` in this order."""
        self.of_rows[metrics] = read
