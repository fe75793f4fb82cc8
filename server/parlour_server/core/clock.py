"""The clocks of the server, which tests replace.

``now`` is for times that people read or that outlive the process; ``monotonic`` is for deadlines, because it
never jumps (K4: setting the system clock must not extend a ticket). ``SteadyClock`` is for limits in days,
which must survive a restart but not end because the clock was set. Nothing else in the server calls ``time``.

``sleep`` waits by the monotonic clock: a test's clock wakes those whose time has come (`testing/clock.py`).
"""

import asyncio
import time
from datetime import datetime
from typing import Final, Protocol

from parlour_protocol.kit.ids import Millis

DAY_MILLIS: Final = 86_400_000


def utc_text(time_in_utc: datetime) -> str:
    """Return a time in UTC as people read it: `2030-01-31 08:00 UTC`."""
    return f"{time_in_utc:%Y-%m-%d %H:%M} UTC"


class Clock(Protocol):
    """Where the server's time comes from."""

    def now(self) -> Millis:
        """Return milliseconds since 1970, by the system clock."""
        ...

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of ``monotonic``."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> Millis:
        """Return milliseconds since 1970, by the system clock."""
        return Millis(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await asyncio.sleep(seconds)


class SteadyClock:
    """The time of day at its creation plus the time since; setting the clock does not change it.

    If the system clock was wrong at the start, this clock stays wrong until the next start. Servers that
    share a database follow its clock (``follow``), so that they decide alike.
    """

    def __init__(self, clock: Clock) -> None:
        """Start from the current time of day of ``clock``."""
        self.system: Final = clock
        """The clock that people set, for times that they read."""
        self._clock = clock
        self._start = clock.now()
        self._since = clock.monotonic()

    def now(self) -> Millis:
        """Return milliseconds since 1970."""
        return Millis(self._start + int((self._clock.monotonic() - self._since) * 1000))

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await self._clock.sleep(seconds)

    def follow(self, now: Millis) -> None:
        """Continue from this time of day: that of a database that servers share."""
        self._start, self._since = now, self._clock.monotonic()

    def set_ahead(self) -> float:
        """Return how many seconds the system clock was set ahead since the start; negative for back."""
        return (self._clock.now() - self.now()) / 1000
