"""How often changes are drawn: one with the next frame, those after it together, ten times a second.

A message by itself is visible at once. What comes right after it is not read one by one, and drawing each
would leave no time for the keys. On a machine that is late with everything the pauses get longer: drawing
may take a part of the time and no more. The timeline and the list of rooms use it.
"""

import time
from collections.abc import Callable
from typing import Final

from textual.message_pump import MessagePump

from parlour_client.ui.chat.deferred import Deferred

FRAME: Final = 1 / 60
PAUSE: Final = 1 / 10
"""Seconds between two drawings."""
LONGEST_PAUSE: Final = 1.0
"""Seconds between two drawings on a machine that is late with everything."""
_SHARE: Final = 4
"""The pause is so many times as long as the last drawing was late."""


class Throttle:
    """A call for the owner that is made soon after a change, once for all changes of a pause."""

    def __init__(
        self, owner: MessagePump, call: Callable[[], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._call = call
        self.now = now
        self._deferred = Deferred(owner, self.draw)
        self._due = 0.0
        self._next = 0.0  # not before: the pause after the last call

    def changed(self) -> None:
        """Make the call with the next frame, or after the pause."""
        if not self._deferred.is_scheduled:
            now = self.now()
            self._due = max(now + FRAME, self._next)
            self._deferred.schedule(self._due - now)

    def draw(self) -> None:
        """Make the call now; ``changed`` waits for the pause."""
        now = self.now()
        late = now - self._due if self._due else 0.0
        self._deferred.cancel()
        self._due = 0.0
        self._next = now + pause_after(late)
        self._call()


def pause_after(late: float) -> float:
    """Return how many seconds to pause after a call that came so many seconds late."""
    return min(LONGEST_PAUSE, max(PAUSE, _SHARE * late))
