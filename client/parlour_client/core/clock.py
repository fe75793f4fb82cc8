"""Time and chance as parameters, so that tests own both.

``Clock`` gives the time for entries that are not stored yet, sleeps between tries, and runs timers;
``SystemClock`` is the real one. Nothing else in ``core`` reads a clock. The composition root passes it in.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from parlour_protocol.ids import Millis


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Clock(Protocol):
    """What the core needs of time."""

    def now(self) -> Millis:
        """Return the wall clock's time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run ``call`` in the event loop after so many seconds."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> Millis:
        """Return the wall clock's time."""
        return Millis(time.time_ns() // 1_000_000)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run ``call`` in the event loop after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, call)
