"""The disk in a server: it is watched and shown among the metrics, and `doctor` says the same."""

import shutil
from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.finding import Finding
from parlour_server.app.metrics import Kind, Metric
from parlour_server.app.parts import Parts
from parlour_server.capabilities.disk_space.settings import DiskSettings
from parlour_server.capabilities.disk_space.watch import DiskWatch, find_low
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.store.engine.connection import Engine

_FREE: Final = Metric("disk_free_bytes", Kind.GAUGE, "Free space on the disk of the data folder")
_SIZE: Final = Metric("disk_size_bytes", Kind.GAUGE, "Size of the disk of the data folder")
_LOW: Final = Metric("disk_low", Kind.GAUGE, "1 while less than `disk.warn_percent` is free, else 0")


async def _start(parts: Parts[Any, Any]) -> None:
    path = parts.folder.path
    watch = DiskWatch(path, section(parts.settings, DiskSettings), parts.steady)
    parts.metrics.number(_FREE, lambda: shutil.disk_usage(path).free)
    parts.metrics.number(_SIZE, lambda: shutil.disk_usage(path).total)
    parts.metrics.number(_LOW, lambda: int(watch.is_low))
    parts.run(watch.run())


def _findings(folder: DataFolder, settings: Settings | None, _engine: Engine | None) -> tuple[Finding, ...]:
    known = DiskSettings() if settings is None else section(settings, DiskSettings)
    return (find_low(folder.path, known),)


SERVED: Final = Served(start=_start, findings=_findings, metrics=(_FREE, _SIZE, _LOW))
