"""Time as a parameter, so that tests can set it.

``Clock`` gives the time for entries that are not stored yet, sleeps between tries, and runs timers;
``SystemClock`` is the real one. Nothing else in ``core`` reads a clock.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from parlour_protocol.kit.ids import Millis


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Clock(Protocol):
    """The time functions that the core needs."""

    def now(self) -> Millis:
        """Return the current time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        ...

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run ``call`` in the event loop after so many seconds."""
        ...


class SystemClock:
    """The system's clock."""

    def now(self) -> Millis:
        """Return the current time."""
        return Millis(time.time_ns() // 1_000_000)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run ``call`` in the event loop after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, call)


def since_boot() -> float:
    """Return seconds that include the machine's sleep, if the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()
