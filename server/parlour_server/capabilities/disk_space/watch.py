"""Warns before the disk of the data folder is full, because then nothing can be sent.

A running server looks every minute and writes one line when less than `disk.warn_percent` is free, again each
six hours, and one when there is space again. `doctor` says the same. How long the rest lasts is estimated
from the last day.
"""

import asyncio
import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_server.app.finding import Finding, Level
from parlour_server.capabilities.disk_space.settings import DiskSettings
from parlour_server.core.clock import Clock
from parlour_server.core.output import log, warn

EVERY_SECONDS: Final = 60.0
_LEAST_FREE: Final = 100 * 1024 * 1024
"""Bytes: below it the server may stop at any moment, however large the disk is."""
_AGAIN_SECONDS: Final = 6 * 3600.0
_SAMPLE_SECONDS: Final = 600.0
_SAMPLES: Final = 144
"""A day."""
_HOUR: Final = 3600.0
_WHAT_TO_DO: Final = (
    "`disk show` lists what grows, and its limits; let messages expire, remove old backups,"
    " or get a larger disk"
)


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The disk of a folder, in bytes."""

    free: int
    total: int

    @classmethod
    def of(cls, path: Path) -> "DiskSpace":
        """Look at the disk of a folder. Raises OSError."""
        usage = shutil.disk_usage(path)
        return cls(usage.free, usage.total)

    def is_low(self, warn_percent: int) -> bool:
        """Return whether to warn."""
        return self.free < _LEAST_FREE or self.free * 100 < self.total * warn_percent

    @property
    def text(self) -> str:
        """How much is free, for a person."""
        percent = self.free * 100 // self.total if self.total else 0
        return f"{self.free // 1024**2:,} MiB free of {self.total // 1024**2:,} ({percent} %)"


class DiskWatch:
    """Watches one disk."""

    def __init__(self, path: Path, settings: DiskSettings, clock: Clock) -> None:
        """Watch the disk that a folder is on."""
        self._path = path
        self._settings = settings
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)
        self._warned: float | None = None
        self.is_low = False

    async def run(self) -> None:
        """Look regularly, until cancelled."""
        while True:
            try:
                self.look(DiskSpace.of(self._path))
            except OSError as error:
                warn("disk_not_seen", problem=str(error.strerror))
            await asyncio.sleep(EVERY_SECONDS)

    def look(self, space: DiskSpace) -> None:
        """Warn if less is free than there should be, or say that there is space again."""
        now = self._clock.monotonic()
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples.append((now, space.free))
        self.is_low = space.is_low(self._settings.warn_percent)
        if not self.is_low:
            if self._warned is not None:
                log("disk_has_space", free_mib=space.free // 1024**2)
            self._warned = None
        elif self._warned is None or now - self._warned >= _AGAIN_SECONDS:
            self._warned = now
            hours = self._hours_left(now, space.free)
            known = {} if hours is None else {"full_in_hours": hours}
            warn(
                "disk_filling",
                free_mib=space.free // 1024**2,
                free_percent=space.free * 100 // max(1, space.total),
                **known,
                consequence="when the disk is full, nothing can be sent",
                do=_WHAT_TO_DO,
            )

    def _hours_left(self, now: float, free: int) -> int | None:
        """Return for how long the rest lasts, at the rate of the last day; None if it does not shrink."""
        then, before = self._samples[0]
        if now - then < _HOUR or before <= free:
            return None
        return int(free / ((before - free) / ((now - then) / _HOUR)))


def find_low(path: Path, settings: DiskSettings) -> Finding:
    """Report how much is free on the disk that a folder is on. Raises OSError."""
    space = DiskSpace.of(path)
    if not space.is_low(settings.warn_percent):
        return Finding("fine", "disk", space.text)
    level: Level = "danger" if space.free < _LEAST_FREE else "advice"
    text = f"{space.text}; when the disk is full, nothing can be sent: {_WHAT_TO_DO}"
    return Finding(level, "disk", text)
