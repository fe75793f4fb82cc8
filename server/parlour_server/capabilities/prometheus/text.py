"""The metrics in the text format. Only a server that serves them loads this, and the library."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from parlour_server.app.metrics import Kind, Metrics


class PrometheusText(Collector):
    """Writes what ``metrics`` has, and what the library knows of this process."""

    def __init__(self, program: str, metrics: Metrics) -> None:
        """``program`` begins every name of ``metrics``."""
        self._program = program
        self._metrics = metrics
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all current numbers."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        """Return the numbers as the library takes them; it calls this for ``text``."""
        for metric, values in self._metrics.values.items():
            family = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            shown = family(metric.full_name(self._program), metric.about, labels=metric.labels)
            for labels, value in values().items():
                shown.add_metric(labels, value)
            yield shown
        for metric, histogram in self._metrics.histograms.items():
            bounds = (*map(repr, histogram.bounds), "+Inf")
            buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
            name = metric.full_name(self._program)
            yield HistogramMetricFamily(name, metric.about, buckets=buckets, sum_value=histogram.sum)
