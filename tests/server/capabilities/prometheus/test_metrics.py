"""Metrics: what a scrape gets, and that a slow or failing database does not hold it up."""

import asyncio
from collections.abc import Sequence

from tests.server.fakes import StoppedClock

from parlour_server.app.metrics import Kind, Metric, Metrics
from parlour_server.capabilities.prometheus.server_metrics import LAG_SECONDS, RowCounts, measure_lag
from parlour_server.capabilities.prometheus.text import PrometheusText
from parlour_server.core.errors import UnavailableError
from parlour_server.core.histogram import Histogram

ROOMS = Metric("rooms", Kind.GAUGE, "Rooms")


def test_numbers_are_shown() -> None:
    """What a scrape gets."""
    metrics = Metrics()
    metrics.number(Metric("connections", Kind.GAUGE, "WebSocket connections"), lambda: 7)
    metrics.numbers(
        Metric("hits_total", Kind.COUNTER, "Hits", ("setting",)), lambda: {("rates.http_per_minute",): 2}
    )
    text = PrometheusText("parlour", metrics).text().decode()
    assert "parlour_connections 7.0" in text
    assert 'parlour_hits_total{setting="rates.http_per_minute"} 2.0' in text


def test_a_histogram_has_cumulative_buckets_as_prometheus_wants_them() -> None:
    """A value at a bound belongs to its bucket; the last bucket takes everything."""
    metrics, values = Metrics(), Histogram((0.001, 0.01))
    for value in (0.0005, 0.001, 0.005, 3.0):
        values.observe(value)
    metrics.histogram(Metric("commit_seconds", Kind.HISTOGRAM, "Transactions"), values)
    text = PrometheusText("parlour", metrics).text().decode()
    for line in ('bucket{le="0.001"} 2.0', 'bucket{le="0.01"} 3.0', 'bucket{le="+Inf"} 4.0', "count 4.0"):
        assert f"parlour_commit_seconds_{line}" in text
    assert "parlour_commit_seconds_sum 3.0065" in text


async def test_counts_of_rows_show_nothing_before_the_first_and_keep_the_last_one() -> None:
    """A database that does not answer leaves the numbers as they were, and a scrape never waits for it."""
    metrics, answers = Metrics(), [UnavailableError(), [3.0], UnavailableError()]
    slept, done = asyncio.Event(), asyncio.Event()

    class Clock(StoppedClock):
        async def sleep(self, seconds: float) -> None:
            del seconds
            slept.set()
            await asyncio.sleep(0)
            if not answers:
                done.set()
                await asyncio.Event().wait()

    async def read() -> Sequence[float]:
        answer = answers.pop(0)
        if isinstance(answer, UnavailableError):
            raise answer
        return answer

    counts = RowCounts(metrics, read, ROOMS)
    running = asyncio.ensure_future(counts.run(Clock()))
    await slept.wait()
    assert "\nparlour_rooms " not in PrometheusText("parlour", metrics).text().decode()
    await done.wait()
    assert "parlour_rooms 3.0" in PrometheusText("parlour", metrics).text().decode()
    running.cancel()


async def test_a_loop_that_is_held_up_is_seen() -> None:
    """The lag is how late a timer ran."""
    metrics, late = Metrics(), [0.0, 0.3]
    done = asyncio.Event()

    class Clock(StoppedClock):
        async def sleep(self, seconds: float) -> None:
            assert seconds == LAG_SECONDS
            if not late:
                done.set()
                await asyncio.Event().wait()
            self.pass_seconds(seconds + late.pop(0))

    running = asyncio.ensure_future(measure_lag(metrics, Clock()))
    await done.wait()
    text = PrometheusText("parlour", metrics).text().decode()
    for bound, count in (("0.001", 1), ("0.25", 1), ("0.5", 2)):
        assert f'parlour_loop_lag_seconds_bucket{{le="{bound}"}} {count}.0' in text
    running.cancel()
