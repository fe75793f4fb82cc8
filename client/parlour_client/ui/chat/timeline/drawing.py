"""Drawing: rows of the store as strips, by the Line API; one row in sight costs one look-up.

It draws what ``store`` says at the row that the scroll position says, and decides nothing. Strips are kept
until the entry, the width or the theme changes, and each is the same object in every frame: Textual keeps on
a strip what it made of it (filters, pieces, bytes), so a row that only moved costs nothing more.
``Timeline`` inherits it.
"""

from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region
from textual.strip import Strip

from parlour_client.ui.chat.timeline.entries import Key, key_of
from parlour_client.ui.chat.timeline.keys import TimelineKeys
from parlour_client.ui.chat.timeline.rows import Look, Row
from parlour_client.ui.chat.timeline.store import Store

CACHED_STRIPS: Final = 4_000


class DrawnRows(TimelineKeys):
    """The part of the timeline that draws."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"timeline--{look}" for look in Look} | {"timeline--selected"}

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._store: Store | None = None
        self._selected: Key | None = None
        self._strips: LRUCache[tuple[Key, int], Strip] = LRUCache(CACHED_STRIPS)
        self._whole: LRUCache[tuple[int, int, int, Style], tuple[Strip, Strip]] = LRUCache(CACHED_STRIPS)
        self._styles: dict[str, Style] = {}
        self._plain = Style.null()  # of the frame that is drawn: Textual works it out anew each time

    @property
    def _columns(self) -> int:
        """The cells of a row: ``size`` counts the scrollbar's as well."""
        return self.scrollable_content_region.width

    def notify_style_update(self) -> None:
        """Forget strips: the theme changed."""
        super().notify_style_update()
        self._strips.clear()
        self._styles.clear()

    def _look(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"timeline--{name}")
        return style

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw rows as they are kept: Textual's own cache is by place, and a scroll empties it."""
        self._plain = self.rich_style
        if not self._is_bare:
            return super().render_lines(crop)
        under, background = self.background_colors
        blank = Style(bgcolor=(under + background).rich_color)
        filters = self.get_line_filters()
        strips = []
        for y in crop.line_range:
            strip = self._padded(self.render_line(y), blank)
            for one in filters:
                strip = strip.apply_filter(one, background)
            strips.append(strip.crop(crop.x, crop.right))
        return strips

    def _padded(self, strip: Strip, blank: Style) -> Strip:
        """Return a row with the padding beside it, the same one for the same row."""
        padding = self.styles.padding
        key = id(strip), padding.left, padding.right, blank
        kept = self._whole.get(key)
        if kept is None or kept[0] is not strip:
            left, right = (Segment(" " * cells, blank) for cells in (padding.left, padding.right))
            sides = [one for one in (left, right) if one.text]
            whole = Strip([left, *strip, right], strip.cell_length + padding.width) if sides else strip
            kept = self._whole[key] = strip, whole
        return kept[1]

    @property
    def _is_bare(self) -> bool:
        """Whether nothing is drawn over the rows or around them, but blanks beside them."""
        styles = self.styles
        around = *styles.border.spacing, *styles.outline.spacing, styles.padding.top, styles.padding.bottom
        over = styles.tint.a or styles.text_opacity != 1 or self.opacity != 1 or styles.has_rule("hatch")
        return not any(around) and not over

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        store, width = self._store, self._columns
        row = self.scroll_offset.y + y
        if store is None or store.width != width or row >= store.total:
            return Strip.blank(self.size.width, self._plain)
        index, inside = store.find(row)
        key = key_of(store.entries[index])
        if key == self._selected:
            return self._strip(store.rows(index), inside, "selected")
        strip = self._strips.get((key, inside))
        if strip is None:
            strip = self._strips[key, inside] = self._strip(store.rows(index), inside, None)
        return strip

    def _strip(self, rows: tuple[Row, ...], inside: int, over: str | None) -> Strip:
        if inside >= len(rows):
            return Strip.blank(self.size.width, self._plain)
        above = self._look(over) if over else Style.null()
        segments = [Segment(piece.text, self._look(piece.look) + above) for piece in rows[inside]]
        return Strip(segments).adjust_cell_length(self.size.width, self._plain + above)
