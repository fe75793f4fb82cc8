"""The findings of `doctor` about the bus: whether a server can use it, and who could read it on the way."""

import asyncio

from parlour_server.app.finding import Finding
from parlour_server.capabilities.nats.open_bus import nats_bus
from parlour_server.capabilities.nats.settings import BusSettings
from parlour_server.core.clock import SystemClock
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine


def examine_bus(folder: DataFolder, settings: Settings | None, engine: Engine | None) -> list[Finding]:
    """Return the findings. It does not connect without the database, whose name is in the subjects."""
    if settings is None or not (bus_settings := section(settings, BusSettings)).url:
        return []
    begun = engine.incarnation() if engine is not None else None
    if begun is None:
        return [Finding("advice", "bus", "not examined: make the database work, then run this again")]
    found = []
    try:
        bus = nats_bus(folder, bus_settings, (), begun[0], SystemClock())
        if bus.address.is_open:
            text = f"no TLS to NATS at {bus.address}: anyone on the way can read and forge it; use tls://"
            found.append(Finding("danger", "bus", text))
        took = asyncio.run(bus.check())
    except SetupError as error:
        return [*found, Finding("danger", "bus", str(error))]
    how = "with TLS, verified" if bus.address.tls else "without TLS"
    text = f"NATS at {bus.address}, reached {how}, answers in {took * 1000:.1f} ms and takes our subjects"
    return [*found, Finding("fine", "bus", text)]
