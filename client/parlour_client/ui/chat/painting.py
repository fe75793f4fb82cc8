"""Paints what changed and nothing else, and typed text before anything else that waits to be painted.

Textual's compositor draws every widget of a container, whole, whichever of them changed: a key in the
composer draws the timeline and both lists again. Most of that is thrown away, so the screen looks the same.

Textual paints at the ticks of a clock, and after a late frame it skips one: a key at that moment would wait
for two of them, although nothing else happens. Everything else may wait for its tick, so nothing starves.
Keys that arrive faster than frames wait as well.
"""

import time
from collections.abc import Callable, Iterable

from textual._compositor import Compositor
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.ui.chat.throttle import FRAME


class ChangesOnly(Compositor):
    """The compositor of a screen, which draws no more than the change."""

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """Yield the place, the clip and the rows of each widget in ``crop``; None: of the whole screen."""
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            if crop is not None and crop.overlaps(seen):
                top, bottom = max(seen.y, crop.y), min(seen.bottom, crop.bottom)
                seen = Region(seen.x, top, seen.width, bottom - top)  # as wide as it is: Textual cuts columns
            elif crop is not None:
                continue
            if seen:
                yield region, seen, widget.render_lines(seen.translate(-region.offset))


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
