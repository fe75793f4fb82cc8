"""What the metrics show of the disk of the data folder."""

import shutil
from pathlib import Path
from typing import Final

from parlour_server.app.metrics import Kind, Metric, Metrics
from parlour_server.capabilities.disk_space.watch import DiskWatch

DISK_FREE: Final = Metric("disk_free_bytes", Kind.GAUGE, "Free space on the disk of the data folder")
DISK_SIZE: Final = Metric("disk_size_bytes", Kind.GAUGE, "Size of the disk of the data folder")
DISK_LOW: Final = Metric("disk_low", Kind.GAUGE, "1 while less than `disk.warn_percent` is free, else 0")
DISK_METRICS: Final = (DISK_FREE, DISK_SIZE, DISK_LOW)


def show_disk(metrics: Metrics, path: Path, watch: DiskWatch) -> None:
    """Show them for the disk of the folder at ``path``."""
    metrics.number(DISK_FREE, lambda: shutil.disk_usage(path).free)
    metrics.number(DISK_SIZE, lambda: shutil.disk_usage(path).total)
    metrics.number(DISK_LOW, lambda: int(watch.is_low))
