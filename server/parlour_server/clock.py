"""The two clocks, as one collaborator that tests replace.

``now`` is for what people read and what outlives the process; ``monotonic`` is for deadlines, because it
never jumps (K4: setting the system clock must not extend a ticket). Nobody in the server calls ``time``.
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
