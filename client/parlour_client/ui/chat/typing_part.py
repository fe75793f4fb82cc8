"""What is typed is painted at once, and before anything else that waits to be painted.

Textual paints at the ticks of a clock, and after a frame that was painted late it leaves one out: a key that
came just then would wait for two of them, with nothing going on. Everything else may wait for its tick; it
stays noted and is painted there, so nothing starves. Keys that come faster than frames wait as well.
``ChatParts`` inherits it.
"""

import time
from collections.abc import Callable

from textual.screen import Screen

from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.terminal.throttle import FRAME


class TypingPart(Screen[None]):
    """A screen with a composer that does not wait."""

    composer: Composer

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._next_typed = 0.0  # a key before this time waits for the tick

    def on_idle(self) -> None:
        """Paint the composer alone if it changed; what else changed is left to Textual's tick."""
        now = self._now()
        if not self.is_current or self.composer not in self._dirty_widgets or now < self._next_typed:
            return
        self._next_typed = now + FRAME
        others = self._dirty_widgets - {self.composer}
        self._dirty_widgets = {self.composer}
        self._on_timer_update()
        self._dirty_widgets |= others
