"""NATS in a server: its bus, if the settings name one."""

from typing import Final

from parlour_server.app.capability import Served
from parlour_server.app.hooks import Opened
from parlour_server.capabilities.nats.findings import examine_bus
from parlour_server.capabilities.nats.metrics import BUS_METRICS
from parlour_server.capabilities.nats.open_bus import make_bus


async def _prepare(opened: Opened) -> None:
    opened.hooks.bus = make_bus(opened)


SERVED: Final = Served(prepare=_prepare, findings=examine_bus, metrics=BUS_METRICS)
