"""Draws rows of the store as strips, by the Line API; one visible row costs one lookup.

It draws what the store says and decides nothing. Strips are cached until the entry, the width or the theme
changes, and each is the same object in every frame: Textual caches its results on a strip (filters, pieces,
bytes), so a row that only moved costs nothing more.
"""

from itertools import islice
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region, Spacing
from textual.scroll_view import ScrollView
from textual.strip import Strip

from parlour_client.kit.terminal.column_anchoring import FIXED_COLUMN
from parlour_client.text.formatting import StyleKind
from parlour_client.ui.chat.timeline.pieces import Look, Piece, Row
from parlour_client.ui.chat.timeline.rows import RULES
from parlour_client.ui.chat.timeline.store import Key, Store, key_of
from parlour_client.ui.person_colour import colour_of
from parlour_protocol.kit.names import UserName

_UNSELECTED: Final = " "
_SELECTED: Final = ">"
"""Before the first row of the selected message."""
CACHED_STRIPS: Final = 250
"""Rows of some five screens; Textual keeps a kilobyte of caches with each, and with each piece of it."""


class RowPainter:
    """Draws the rows of one widget; the styles are the widget's component classes `timeline--…`."""

    def __init__(self, widget: ScrollView) -> None:
        self._widget = widget
        self._strips: LRUCache[tuple[Key, int], Strip] = LRUCache(CACHED_STRIPS)
        self._frame: tuple[object, ...] = ()
        """The state besides the row that finished rows depend on."""
        self._finished: LRUCache[tuple[int, int, int], tuple[Strip, Strip]] = LRUCache(CACHED_STRIPS)
        self._blank = Strip.blank(0)
        self._seen: list[Strip] = []
        """The rows of the view when it was last asked which changed."""
        self._rows: list[Strip] = []
        self._rows_of: tuple[object, ...] | None = None
        """Of which view these rows are; None: something was forgotten since."""
        self._styles: dict[tuple[Look, tuple[StyleKind, ...], UserName | None, bool], Style] = {}
        self._plain = Style.null()  # of the current frame: Textual computes it again each time

    def forget_rows(self) -> None:
        """Drop the cached rows."""
        self._strips.clear()
        self._rows_of = None

    def forget_styles(self) -> None:
        """Drop the cached rows and styles: the theme changed."""
        self.forget_rows()
        self._styles.clear()

    def begin_frame(self) -> None:
        """Look up once what all rows of a frame share."""
        self._plain = self._widget.rich_style
        width = self._widget.size.width
        if self._blank.cell_length != width or any(segment.style != self._plain for segment in self._blank):
            self._blank = Strip.blank(width, self._plain)

    @property
    def is_bare(self) -> bool:
        """Whether nothing is drawn over or around the rows but blanks beside them."""
        styles = self._widget.styles
        around = *styles.border.spacing, *styles.outline.spacing, styles.padding.top, styles.padding.bottom
        over = (
            styles.tint.a or styles.text_opacity != 1 or self._widget.opacity != 1 or styles.has_rule("hatch")
        )
        return not any(around) and not over

    def lines(self, store: Store | None, selected: frozenset[Key], crop: Region) -> list[Strip]:
        """Draw cached rows: Textual's own cache is by position, and a scroll empties it."""
        widget = self._widget
        under, background = widget.background_colors
        blank = Style(bgcolor=(under + background).rich_color)
        padding = widget.styles.padding
        filters = widget.get_line_filters()
        frame = blank, background, padding, *filters
        if frame != self._frame:
            self._frame = frame
            self._finished.clear()
        strips = []
        for strip in self._view_rows(store, selected)[crop.y : crop.bottom]:
            key = id(strip), crop.x, crop.right
            kept = self._finished.get(key)
            if kept is None or kept[0] is not strip:
                finished = _padded(strip, padding, blank)
                for line_filter in filters:
                    finished = finished.apply_filter(line_filter, background)
                kept = self._finished[key] = strip, finished.crop(crop.x, crop.right)
            strips.append(kept[1])
        return strips

    def changed(self, store: Store | None, selected: frozenset[Key]) -> list[Region]:
        """Return where rows of the view are not as they were when this was asked last."""
        size, seen = self._widget.size, self._seen
        self._rows_of = None
        self._seen = self._view_rows(store, selected)
        if len(seen) != size.height:
            return [size.region]
        regions: list[Region] = []
        columns = self._widget.scrollable_content_region.width  # not the scrollbar's
        for y, (strip, before) in enumerate(zip(self._seen, seen, strict=True)):
            if strip is before or strip == before:
                continue
            if regions and regions[-1].bottom == y:
                regions[-1] = regions[-1].grow((0, 0, 1, 0))
            else:
                regions.append(Region(0, y, columns, 1))
        return regions

    @staticmethod
    def rows_above(store: Store, height: int) -> int:
        """Return the blank rows above the first message: few messages are at the bottom."""
        return max(0, height - store.total)

    @property
    def columns(self) -> int:
        """The cells of a row: one more before it marks the selection, one behind it is the scrollbar's."""
        return self._widget.scrollable_content_region.width - len(_UNSELECTED)

    def line(self, store: Store | None, selected: frozenset[Key], y: int) -> Strip:
        """Draw one row of the view."""
        return self._view_rows(store, selected)[y]

    def _view(self, store: Store | None) -> int | None:
        """Return the row of the store at the top of the view; None: nothing can be drawn."""
        if store is None or store.width != self.columns:
            return None
        return self._widget.scroll_offset.y - self.rows_above(store, self._widget.size.height)

    def _view_rows(self, store: Store | None, selected: frozenset[Key]) -> list[Strip]:
        """Return the rows of the view: those that ``changed`` has seen, if it is the same one."""
        height, view = self._widget.size.height, self._view(store)
        rows_of = store, view, selected, self._widget.has_focus, height, self._blank
        if rows_of == self._rows_of:
            return self._rows
        rows: list[Strip] = []
        if store is not None and view is not None:
            rows = [self._blank] * min(height, max(0, -view))
            for index, inside in islice(store.rows_from(view + len(rows)), height - len(rows)):
                rows.append(self._row(store, selected, index, inside))
        rows += [self._blank] * (height - len(rows))
        self._rows, self._rows_of = rows, rows_of
        return rows

    def _row(self, store: Store, selected: frozenset[Key], index: int, inside: int) -> Strip:
        key = key_of(store.entries[index])
        if key in selected:
            return self._selected_strip(store.rows(index), inside)
        strip = self._strips.get((key, inside))
        if strip is None:
            strip = self._strips[key, inside] = self._strip(store.rows(index), inside)
        return strip

    def _strip(
        self, rows: tuple[Row, ...], inside: int, mark: str = _UNSELECTED, *, selected: bool = False
    ) -> Strip:
        if inside >= len(rows):
            return self._blank
        first, *others = rows[inside]
        segments = [Segment(mark + first.text, self._style(first, selected=selected))]
        segments += [Segment(piece.text, self._style(piece, selected=selected)) for piece in others]
        rest = self._plain + self._selection if selected else self._plain
        return Strip(segments).adjust_cell_length(self._widget.size.width, rest)

    def _selected_strip(self, rows: tuple[Row, ...], inside: int) -> Strip:
        """Mark a message, without the rules above it; it has the colour only where keys act on it."""
        rules = sum(row[0].look in RULES for row in rows)
        mark = _SELECTED if inside == rules else _UNSELECTED
        return self._strip(rows, inside, mark, selected=self._widget.has_focus and inside >= rules)

    def _style(self, piece: Piece, *, selected: bool) -> Style:
        """Return the style of a piece: its look and formatting, in its person's colour, on its background."""
        key = piece.look, piece.kinds, piece.person, selected
        style = self._styles.get(key)
        if style is None:
            style = Style.combine([self._component(piece.look), *map(self._added, piece.kinds)])
            if selected and piece.look is Look.GUTTER:  # lines stand out less than letters have to
                style += Style(color=self._component(Look.TEXT).color)
            if selected:
                style += self._selection
            if piece.person is not None:
                app = self._widget.app
                style += colour_of(piece.person, style, app.current_theme, app.console.color_system)
            if piece.look is Look.TIME:
                style += FIXED_COLUMN
            self._styles[key] = style
        return style

    def _added(self, kind: StyleKind) -> Style:
        """Return only what a kind of formatting adds to the style below it."""
        added = self._widget.get_component_rich_style(f"timeline--{kind}", partial=True)
        if added.color is None:
            return added
        # A muted colour is blended with the background, which a partial style does not have.
        whole = self._widget.get_component_rich_style(f"timeline--{kind}")
        return added + Style(color=whole.color)

    @property
    def _selection(self) -> Style:
        """What the selection adds: colours stay what they mean."""
        return self._widget.get_component_rich_style("timeline--selected", partial=True)

    def _component(self, name: str) -> Style:
        return self._widget.get_component_rich_style(f"timeline--{name}")


def _padded(strip: Strip, padding: Spacing, blank: Style) -> Strip:
    """Return a row with the padding beside it."""
    left, right = (Segment(" " * cells, blank) for cells in (padding.left, padding.right))
    sides = [side for side in (left, right) if side.text]
    return Strip([left, *strip, right], strip.cell_length + padding.width) if sides else strip
