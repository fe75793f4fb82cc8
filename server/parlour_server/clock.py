"""The two clocks, as one collaborator that tests replace, and a third that is made of both.

``now`` is for what people read and what outlives the process; ``monotonic`` is for deadlines, because it
never jumps (K4: setting the system clock must not extend a ticket). ``SteadyClock`` is for limits in days,
which must outlive the process and must not be reached by a jump. No one in the server calls ``time``.
"""

import time
from typing import Protocol

from parlour_protocol.ids import Millis


class Clock(Protocol):
    """Where the server's time comes from."""

    def now(self) -> Millis:
        """Return milliseconds since 1970, by the system clock."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only go forward."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> Millis:
        """Return milliseconds since 1970, by the system clock."""
        return Millis(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        """Return seconds that only go forward."""
        return time.monotonic()


class SteadyClock:
    """The time of day when this was made, and what has passed since: setting the clock does not move it.

    It keeps the time of its start until the next one, so a clock that was wrong then is wrong until then.
    """

    def __init__(self, clock: Clock) -> None:
        """Start from the time of day that ``clock`` tells now."""
        self._clock = clock
        self._start = clock.now()
        self._since = clock.monotonic()

    def now(self) -> Millis:
        """Return milliseconds since 1970."""
        return Millis(self._start + int((self._clock.monotonic() - self._since) * 1000))

    def monotonic(self) -> float:
        """Return seconds that only go forward."""
        return self._clock.monotonic()

    def set_ahead(self) -> float:
        """Return by how many seconds the time of day was set ahead since the start; negative for back."""
        return (self._clock.now() - self.now()) / 1000
