"""The metrics of the bus."""

from typing import TYPE_CHECKING, Final

from parlour_server.app.metrics import Kind, Metric, Metrics

if TYPE_CHECKING:
    from parlour_server.capabilities.nats.bus import NatsBus

_NATS: Final = "NATS"
_CONNECTED: Final = Metric("bus_connected", Kind.GAUGE, "1 while connected to NATS, else 0", needs=_NATS)
_LAG: Final = Metric(
    "bus_lag_seconds", Kind.GAUGE, "Round trip to NATS; infinite without a connection", needs=_NATS
)
_WAITING: Final = Metric("bus_waiting_bytes", Kind.GAUGE, "Notifications that wait to be sent", needs=_NATS)
_CONNECTS: Final = Metric(
    "bus_connects_total", Kind.COUNTER, "Connections to NATS since the start", needs=_NATS
)
_SENT: Final = Metric("bus_sent_total", Kind.COUNTER, "Notifications sent", needs=_NATS)
_RECEIVED: Final = Metric("bus_received_total", Kind.COUNTER, "Notifications received", needs=_NATS)
_DROPPED: Final = Metric(
    "bus_dropped_total",
    Kind.COUNTER,
    "Notifications lost: `unsent` (dropped before they were sent), `slow` (this server was too slow; a "
    "report of the library counts once) or `unreadable` (of another version)",
    ("why",),
    needs=_NATS,
)
BUS_METRICS: Final = (_CONNECTED, _LAG, _WAITING, _CONNECTS, _SENT, _RECEIVED, _DROPPED)


def show_bus(metrics: Metrics, bus: "NatsBus") -> None:
    """Show the numbers of the bus."""
    counts = bus.counts
    metrics.number(_CONNECTED, lambda: bus.connected)
    metrics.number(_LAG, lambda: bus.lag)
    metrics.number(_WAITING, lambda: bus.waiting_bytes)
    metrics.number(_CONNECTS, lambda: counts.connections)
    metrics.number(_SENT, lambda: counts.sent)
    metrics.number(_RECEIVED, lambda: counts.received)
    metrics.numbers(
        _DROPPED,
        lambda: {
            ("unsent",): counts.unsent,
            ("slow",): counts.dropped,
            ("unreadable",): counts.unreadable,
        },
    )
