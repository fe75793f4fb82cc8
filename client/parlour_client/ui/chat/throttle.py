"""How soon a change is drawn: with the next frame, or less often while very many arrive.

One message is visible at once; two hundred a second are not read one by one, and drawing each of them would
leave no time for the keys. The timeline and the list of rooms use it.
"""

import time
from collections.abc import Callable
from typing import Final

FRAME: Final = 1 / 60
BUSY_FRAME: Final = 1 / 10
"""Seconds between two drawings while it is busy."""
BUSY: Final = 25
"""Changes within half a second that make it busy."""
_SPAN: Final = 0.5


class Throttle:
    """Counts changes and says how long to wait before drawing."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = 0.0
        self._count = self._before = 0

    def delay(self) -> float:
        """Note a change; return the seconds to wait before drawing."""
        now = self._now()
        if now - self._began >= _SPAN:
            self._before = self._count if now - self._began < 2 * _SPAN else 0
            self._began, self._count = now, 0
        self._count += 1
        return BUSY_FRAME if max(self._count, self._before) > BUSY else FRAME
