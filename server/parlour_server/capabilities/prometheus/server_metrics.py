"""The metrics that every server has: what each is called and means, and where its number comes from."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.kit.frames import Request
from parlour_server.app.metrics import Kind, Metric, Metrics, Scope
from parlour_server.core import output
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.histogram import Histogram
from parlour_server.core.store.engine.readers import QUEUE as READ_QUEUE_MOST
from parlour_server.core.store.engine.writer import QUEUE as WRITE_QUEUE_MOST

if TYPE_CHECKING:
    from parlour_server.app.hooks import Serving
    from parlour_server.app.parts import Parts

LIMITS: Final = (
    "connections.total",
    "connections.per_address",
    "connections.per_user",
    "connections.unsent_bytes",
    "connections.ping_seconds",
    "rates.requests_per_minute",
    "rates.bytes_per_minute",
    "rates.messages_per_minute",
    "rates.message_bytes_per_minute",
    "rates.message_bytes_per_day",
    "rates.reads_per_minute",
    "rates.read_bytes_per_minute",
    "rates.http_per_minute",
    "logins.tickets_per_session",
)
"""Settings whose limits every server counts refusals of; a program adds its own."""
COUNT_SECONDS: Final = 60.0
"""Between two counts of rows in the database."""
LAG_SECONDS: Final = 0.5
"""Between two measurements of the event loop; one costs some 20 microseconds."""
_LAG_BOUNDS: Final = (0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

BUILD_INFO: Final = Metric("build_info", Kind.GAUGE, "1, with the version of Parlour", ("version",))
CONNECTIONS: Final = Metric("connections", Kind.GAUGE, "WebSocket connections that are open")
SOCKETS: Final = Metric("sockets", Kind.GAUGE, "Open sockets of any kind, before TLS too")
SOCKETS_LIMIT: Final = Metric("sockets_limit", Kind.GAUGE, "The most open sockets (`connections.total`)")
PEOPLE: Final = Metric("people_connected", Kind.GAUGE, "Accounts with a connection to this server")
ACCOUNTS: Final = Metric("accounts", Kind.GAUGE, "People's accounts, disabled ones too", scope=Scope.DATABASE)
SESSIONS: Final = Metric(
    "sessions", Kind.GAUGE, "Sessions that have not reached `logins.session_days`", scope=Scope.DATABASE
)
REQUESTS: Final = Metric(
    "requests_total", Kind.COUNTER, "Requests on WebSockets by kind, those over a limit too", ("request",)
)
REQUEST_ERRORS: Final = Metric(
    "request_errors_total",
    Kind.COUNTER,
    "Requests that were refused or failed, by the code of the answer",
    ("code",),
)
REQUEST_SECONDS: Final = Metric(
    "request_seconds", Kind.HISTOGRAM, "From a request's arrival to its answer, for those that succeeded"
)
LIMIT_HITS: Final = Metric(
    "limit_hits_total", Kind.COUNTER, "Refusals over a limit, by the setting that allows more", ("setting",)
)
DELIVERIES: Final = Metric(
    "deliveries_total", Kind.COUNTER, "Frames written to members of rooms and topics, one for each member"
)
DELIVERED_BYTES: Final = Metric("delivered_bytes_total", Kind.COUNTER, "The bytes of these, before TLS")
DELIVERY_SECONDS: Final = Metric(
    "delivery_seconds",
    Kind.HISTOGRAM,
    "From the first frame that waits for a write until all members were written to",
)
COMMIT_SECONDS: Final = Metric(
    "commit_seconds", Kind.HISTOGRAM, "Transactions that write, the wait for the disk included"
)
COMMIT_WRITES: Final = Metric(
    "commit_writes", Kind.HISTOGRAM, "Writes that shared a transaction (group commit)"
)
COMMITS_FAILED: Final = Metric(
    "commits_failed_total", Kind.COUNTER, "Transactions that stored nothing, or whose outcome is unknown"
)
STORE_WRITABLE: Final = Metric(
    "store_writable", Kind.GAUGE, "1 if the newest transaction succeeded, 0 if it failed"
)
WRITE_QUEUE: Final = Metric("write_queue", Kind.GAUGE, "Writes that wait for the database, or run")
WRITE_QUEUE_LIMIT: Final = Metric("write_queue_limit", Kind.GAUGE, "The most such writes; more are refused")
READ_QUEUE_DEPTH: Final = Metric("read_queue", Kind.GAUGE, "Reads that wait for the database, or run")
READ_QUEUE_LIMIT: Final = Metric("read_queue_limit", Kind.GAUGE, "The most such reads; more are refused")
STORE_REFUSED: Final = Metric(
    "store_refused_total", Kind.COUNTER, "Reads and writes refused because a queue was full", ("queue",)
)
DATABASE_BYTES: Final = Metric(
    "database_bytes", Kind.GAUGE, "Size of the SQLite file and of its -wal file", ("file",), needs="SQLite"
)
LOOP_LAG: Final = Metric(
    "loop_lag_seconds", Kind.HISTOGRAM, "How late the event loop ran a timer, measured twice a second"
)
HASH_QUEUE: Final = Metric("hash_queue", Kind.GAUGE, "Passwords that wait to be hashed")
HASH_QUEUE_LIMIT: Final = Metric("hash_queue_limit", Kind.GAUGE, "The most of these (`logins.hash_queue`)")
HASHES_RUNNING: Final = Metric("hashes_running", Kind.GAUGE, "Passwords that are being hashed")
HASHES_REFUSED: Final = Metric(
    "hashes_refused_total", Kind.COUNTER, "Logins refused because too many waited, in all or from one address"
)
CERTIFICATE: Final = Metric(
    "certificate_expiry_timestamp_seconds",
    Kind.GAUGE,
    "When the certificate that new connections are shown expires, in seconds since 1970",
)
NODES: Final = Metric(
    "nodes", Kind.GAUGE, "Servers that share the database, this one too", scope=Scope.DATABASE
)
EVENTS: Final = Metric("events_total", Kind.COUNTER, "Audit events by kind", ("event",))
LOG_LINES: Final = Metric(
    "log_lines_total", Kind.COUNTER, "Lines of the log by level, written or not", ("level",)
)

SERVER_METRICS: Final = (
    BUILD_INFO,
    CONNECTIONS,
    SOCKETS,
    SOCKETS_LIMIT,
    PEOPLE,
    ACCOUNTS,
    SESSIONS,
    REQUESTS,
    REQUEST_ERRORS,
    REQUEST_SECONDS,
    LIMIT_HITS,
    DELIVERIES,
    DELIVERED_BYTES,
    DELIVERY_SECONDS,
    COMMIT_SECONDS,
    COMMIT_WRITES,
    COMMITS_FAILED,
    STORE_WRITABLE,
    WRITE_QUEUE,
    WRITE_QUEUE_LIMIT,
    READ_QUEUE_DEPTH,
    READ_QUEUE_LIMIT,
    STORE_REFUSED,
    DATABASE_BYTES,
    LOOP_LAG,
    HASH_QUEUE,
    HASH_QUEUE_LIMIT,
    HASHES_RUNNING,
    HASHES_REFUSED,
    CERTIFICATE,
    EVENTS,
    LOG_LINES,
    NODES,
)
"""The metrics of the parts that every server has, in the order of the documentation."""


def show_parts(metrics: Metrics, parts: "Parts[Any, Any]", serving: "Serving") -> None:
    """Show the numbers of a server's parts."""
    number, numbers, histogram = metrics.number, metrics.numbers, metrics.histogram
    settings, folder, store = parts.settings, parts.folder, parts.store
    net, requests, passwords = serving.net, serving.service.requests, serving.passwords
    deliveries = parts.topics.deliveries
    numbers(BUILD_INFO, lambda: {(version("parlour"),): 1})
    number(CONNECTIONS, lambda: net.connections)
    number(SOCKETS, lambda: net.sockets)
    number(SOCKETS_LIMIT, lambda: settings.connections.total)
    number(PEOPLE, lambda: parts.connected.people)
    numbers(REQUESTS, lambda: {(_tag(kind),): count for kind, count in requests.by_kind.items()})
    numbers(REQUEST_ERRORS, lambda: {(code,): count for code, count in requests.errors.items()})
    histogram(REQUEST_SECONDS, requests.seconds)
    hits = parts.quotas.hits.counts
    hits.update(dict.fromkeys(LIMITS, 0))  # so that rates begin at 0
    numbers(LIMIT_HITS, lambda: {(setting,): count for setting, count in hits.items()})
    number(DELIVERIES, lambda: deliveries.frames)
    number(DELIVERED_BYTES, lambda: deliveries.bytes)
    histogram(DELIVERY_SECONDS, deliveries.seconds)
    writer, readers = store.writer, store.readers
    histogram(COMMIT_SECONDS, writer.commits)
    histogram(COMMIT_WRITES, writer.batches)
    number(COMMITS_FAILED, lambda: writer.failed)
    number(STORE_WRITABLE, lambda: not writer.is_failing)
    number(WRITE_QUEUE, lambda: writer.waiting)
    number(WRITE_QUEUE_LIMIT, lambda: WRITE_QUEUE_MOST)
    number(READ_QUEUE_DEPTH, lambda: readers.waiting)
    number(READ_QUEUE_LIMIT, lambda: READ_QUEUE_MOST)
    numbers(STORE_REFUSED, lambda: {("read",): readers.refused, ("write",): writer.refused})
    if not store.is_shared:
        files = {("database",): folder.database, ("wal",): folder.database_wal}
        numbers(DATABASE_BYTES, lambda: {label: _size(path) for label, path in files.items()})
    number(HASH_QUEUE, lambda: passwords.waiting)
    number(HASH_QUEUE_LIMIT, lambda: settings.logins.hash_queue)
    number(HASHES_RUNNING, lambda: passwords.running)
    number(HASHES_REFUSED, lambda: passwords.refused)
    number(CERTIFICATE, lambda: serving.tls.expires)
    numbers(EVENTS, lambda: {(event.value,): count for event, count in parts.audit.counts.items()})
    numbers(LOG_LINES, lambda: {(level.value,): count for level, count in output.counts().items()})
    number(NODES, lambda: parts.nodes.count)
    metrics.rows(lambda: store.count_rows(parts.steady.now(), serving.own_accounts), ACCOUNTS, SESSIONS)


async def measure_lag(metrics: Metrics, clock: Clock) -> None:
    """Measure how late the event loop runs timers, until cancelled."""
    lag = Histogram(_LAG_BOUNDS)
    metrics.histogram(LOOP_LAG, lag)
    while True:
        due = clock.monotonic() + LAG_SECONDS
        await clock.sleep(LAG_SECONDS)
        lag.observe(max(0.0, clock.monotonic() - due))


class RowCounts:
    """Counts rows of the database once a minute, because a scrape must not wait for it."""

    def __init__(
        self, metrics: Metrics, read: Callable[[], Awaitable[Sequence[float]]], *counted: Metric
    ) -> None:
        """``read`` returns the numbers of ``counted``, in this order; they are shown once it has."""
        self._read = read
        self._found: dict[Metric, float] = {}
        for metric in counted:
            metrics.numbers(metric, partial(self._shown, metric))
        self._counted = counted

    def _shown(self, metric: Metric) -> Mapping[tuple[str, ...], float]:
        return {(): self._found[metric]} if metric in self._found else {}

    async def run(self, clock: Clock) -> None:
        """Count regularly, until cancelled."""
        while True:
            with suppress(UnavailableError):  # the next time is soon
                self._found.update(zip(self._counted, await self._read(), strict=True))
            await clock.sleep(COUNT_SECONDS)


def _tag(kind: type[Request]) -> str:
    return str(kind.__struct_config__.tag)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
