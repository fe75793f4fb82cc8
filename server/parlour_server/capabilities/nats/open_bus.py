"""Makes the bus of a server's settings."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from parlour_protocol.kit.ids import Incarnation
from parlour_server.app.hooks import Opened
from parlour_server.capabilities.nats.metrics import show_bus
from parlour_server.capabilities.nats.settings import BusSettings
from parlour_server.core.bus.bus import NoticeType
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.output import warn

if TYPE_CHECKING:
    from parlour_server.capabilities.nats.bus import NatsBus


def make_bus(opened: Opened) -> "NatsBus | None":
    """Return the bus, not open yet, None without ``bus.url``. Raises as ``nats_bus``."""
    settings = section(opened.settings, BusSettings)
    if not settings.url:
        return None
    bus = nats_bus(opened.folder, settings, opened.notices, opened.store.incarnation, opened.steady)
    if bus.address.is_open:
        warn("bus_without_tls", nats=str(bus.address), consequence="anyone on the way can read and forge it")
    show_bus(opened.metrics, bus)
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
        from parlour_server.capabilities.nats.address import NatsAddress  # noqa: PLC0415 - an extra
        from parlour_server.capabilities.nats.bus import NatsBus  # noqa: PLC0415
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
