"""Paints what changed and nothing else, and typed text before anything else that waits to be painted.

Textual's compositor draws every widget of a container, whole, whichever of them changed: a key in the
composer draws the timeline and both lists again. Most of that is thrown away, so the screen looks the same.

Textual paints at the ticks of a clock, and after a late frame it skips one: a key at that moment would wait
for two of them, although nothing else happens. Everything else may wait for its tick, so nothing starves.
Keys that arrive faster than frames wait as well.
"""

import time
from collections.abc import Callable, Iterable

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.ui.chat.deferred import FRAME


class ChangesOnly(Compositor):
    """The compositor of a screen, which draws no more than the changes."""

    _changes: tuple[Region, ...] = ()
    """The places to be drawn by a partial update, while it is made."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Draw what changed: Textual draws whatever is between two changes as well."""
        self._changes = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changes = ()

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """Yield the place, the clip and the rows of each widget in ``crop``; None: of the whole screen."""
        changes = self._changes or (crop or self.size.region,)
        for widget, (region, clip) in self.visible_widgets.items():  # those in front come first
            seen = region.intersection(clip)
            touched = [change for change in changes if change.overlaps(seen)]
            if touched:
                top = max(seen.y, min(change.y for change in touched))
                bottom = min(seen.bottom, max(change.bottom for change in touched))
                # as wide as it is: Textual cuts columns
                drawn = Region(seen.x, top, seen.width, bottom - top)
                yield region, drawn, widget.render_lines(drawn.translate(-region.offset))
                changes = tuple(change for change in changes if not seen.contains_region(change))


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
