"""The bus of a server by its settings: that of one process, or NATS."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from parlour_protocol.kit.ids import Incarnation
from parlour_server.kit.bus.bus import Bus, NoticeType
from parlour_server.kit.bus.local_bus import LocalBus
from parlour_server.kit.clock import Clock
from parlour_server.kit.config.server_settings import BusSettings
from parlour_server.kit.errors import SetupError
from parlour_server.kit.logs import warn
from parlour_server.kit.metrics import Metrics
from parlour_server.kit.setup.data_folder import DataFolder

if TYPE_CHECKING:
    from parlour_server.kit.bus.nats_bus import NatsBus


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
    for name, about, value in (
        ("bus_connected", "Whether a connection to NATS stands", lambda: bus.connected),
        ("bus_lag_seconds", "Round trip to NATS; infinite without a connection", lambda: bus.lag),
        ("bus_connections", "Connections to NATS since the start", lambda: counts.connections),
        ("bus_sent", "Notifications sent", lambda: counts.sent),
        ("bus_received", "Notifications received", lambda: counts.received),
        ("bus_unsent", "Notifications dropped before they were sent", lambda: counts.unsent),
        ("bus_unreadable", "Notifications that this version cannot read", lambda: counts.unreadable),
        ("bus_dropped", "Notifications dropped because this server was too slow", lambda: counts.dropped),
    ):
        metrics.gauge(name, about, value)
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
            f"bus.url needs the library of NATS ({error}); install it with `pip install 'parlour[cluster]'`"
        ) from error
    address = NatsAddress.parse(
        settings.url,
        credentials_file=folder.path / settings.credentials_file if settings.credentials_file else None,
        ca_file=folder.path / settings.ca_file if settings.ca_file else None,
    )
    return NatsBus(address, types, prefix=f"{folder.program.word}.{incarnation}", clock=clock)
