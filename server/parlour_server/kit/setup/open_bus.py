"""The bus of a server by its settings: that of one process, or NATS."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.kit.ids import Incarnation
from parlour_server.kit.bus.bus import Bus, NoticeType
from parlour_server.kit.bus.local_bus import LocalBus
from parlour_server.kit.clock import Clock
from parlour_server.kit.config.server_settings import BusSettings
from parlour_server.kit.errors import SetupError
from parlour_server.kit.logs import warn
from parlour_server.kit.metrics import Kind, Metric, Metrics
from parlour_server.kit.setup.data_folder import DataFolder

if TYPE_CHECKING:
    from parlour_server.kit.bus.nats_bus import NatsBus

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


def make_bus(
    folder: DataFolder,
    settings: BusSettings,
    types: Iterable[NoticeType[Any]],
    incarnation: Incarnation,
    clock: Clock,
    metrics: Metrics,
) -> Bus:
    """Return the bus, not open yet. Raises SetupError, also without the library of NATS."""
    if not settings.url:
        return LocalBus()
    bus = nats_bus(folder, settings, types, incarnation, clock)
    if bus.address.is_open:
        warn("bus_without_tls", nats=str(bus.address), consequence="anyone on the way can read and forge it")
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
    return bus


def nats_bus(
    folder: DataFolder,
    settings: BusSettings,
    types: Iterable[NoticeType[Any]],
    incarnation: Incarnation,
    clock: Clock,
) -> "NatsBus":
    """Return that of ``bus.url``, not open yet. Raises SetupError, also without the library of NATS.

    Servers of one database understand each other, and no others: its incarnation is in the subjects, so two
    clusters on one NATS, or one that was restored from a backup beside the old one, cannot mix.
    """
    try:
        from parlour_server.kit.bus.nats_address import NatsAddress  # noqa: PLC0415 - an extra
        from parlour_server.kit.bus.nats_bus import NatsBus  # noqa: PLC0415
    except ImportError as error:
        raise SetupError(
            f"bus.url needs the library of NATS ({error}); "
            "install Parlour's extra `cluster` (docs/how-to/install.md)"
        ) from error
    address = NatsAddress.parse(
        settings.url,
        credentials_file=folder.path / settings.credentials_file if settings.credentials_file else None,
        ca_file=folder.path / settings.ca_file if settings.ca_file else None,
    )
    return NatsBus(address, types, prefix=f"{folder.program.word}.{incarnation}", clock=clock)
