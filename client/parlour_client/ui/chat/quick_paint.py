"""Paints typed text at once, before anything else that waits to be painted.

Textual paints at the ticks of a clock, and after a late frame it skips one: a key at that moment would wait
for two of them, although nothing else happens. Everything else may wait for its tick, so nothing starves.
Keys that arrive faster than frames wait as well.
"""

import time
from collections.abc import Callable

from textual.screen import Screen
from textual.widget import Widget

from parlour_client.ui.chat.throttle import FRAME


class QuickPaint:
    """Paints one widget of a screen as soon as it changed."""

    def __init__(
        self, screen: Screen[None], widget: Widget, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._screen, self._widget, self.now = screen, widget, now
        self._next = 0.0  # a key before this time waits for the tick

    def paint(self) -> None:
        """Paint the widget if it changed; other changes are left to Textual's tick."""
        screen, now = self._screen, self.now()
        if not screen.is_current or self._widget not in screen._dirty_widgets or now < self._next:  # noqa: SLF001 - docs/explanation/architecture.md, private interfaces
            return
        self._next = now + FRAME
        others = screen._dirty_widgets - {self._widget}  # noqa: SLF001 - the same
        screen._dirty_widgets = {self._widget}  # noqa: SLF001 - the same
        screen._on_timer_update()  # noqa: SLF001 - the same
        screen._dirty_widgets |= others  # noqa: SLF001 - the same
