"""Rows of others' text that cannot move the pane beside them, however wide the terminal draws them.

Terminals disagree about the width of Tamil, flags and emoji families, and no table fixes that. A row whose
width is in doubt is first painted as blanks, then written over them, then the cursor is put back to the
column where the row must end (`CSI n G`); a column at its right begins where it must in the same way. A row
that would be too wide where it is drawn widest is cut with `…`; right-to-left text is ordered as the setting
says. Every widget with others' text passes its rows through ``ColumnAnchors``; Textual's compositor calls the
strips.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, TextArea

from parlour_client.kit.terminal.bidi import LEFT_TO_RIGHT_MARK, has_right_to_left, in_visual_order
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_protocol.kit.text.cell_width import clusters

# Latin, Greek, Cyrillic, punctuation, arrows, boxes, kana, CJK, Hangul: measured, all terminals agree.
_AGREED: Final = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u2190-\u21ff"
    "\u2500-\u259f\u27e6\u27e7\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3\ufffd]*+"
)


FIXED_COLUMN: Final = Style(meta={"fixed_column": True})
"""In the style of a segment: it is in a column of its own, whatever the width of the text before it."""
_KEPT: Final = 256
"""Anchored rows of one widget in the cache: those of a high terminal, and of the frame before."""


def agreed_width(text: str) -> bool:
    """Say whether every terminal draws the text over the same number of cells."""
    return text.isascii() or _AGREED.fullmatch(text) is not None


class AnchoredStrip(Strip):
    """A strip that knows its column on the screen, and leaves the cursor right behind its last cell."""

    __slots__ = ("_column", "_drawn", "_pieces", "_tail")

    def __init__(
        self, segments: Iterable[Segment], cell_length: int | None, column: int, tail: str = ""
    ) -> None:
        super().__init__(segments, cell_length)
        self._column = column  # zero-based
        self._drawn: str | None = None
        self._pieces: dict[tuple[int, ...], Sequence[Strip]] = {}  # a piece that is kept keeps its bytes
        self._tail = tail
        """A mark behind the text that keeps the next pane's words out of its order."""

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Crop, keeping the anchor: the compositor cuts rows that something covers."""
        cropped = super().crop(start, end)
        if cropped is self:
            return self
        return type(self)(list(cropped), cropped.cell_length, self._column + max(0, start), self._tail)

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Divide, each piece with its own anchor."""
        where = tuple(cuts)
        if (kept := self._pieces.get(where)) is not None:
            return kept
        pieces: list[Strip] = []
        column = self._column
        for piece in super().divide(where):
            pieces.append(
                piece if piece is self else type(self)(list(piece), piece.cell_length, column, self._tail)
            )
            column += piece.cell_length
        if all(
            piece is not self for piece in pieces
        ):  # a strip that keeps itself would never be freed without the collector
            self._pieces[where] = pieces
        return pieces

    def render(self, console: Console) -> str:
        """Return the bytes: blanks, back, the text, and the cursor where the row ends."""
        if self._drawn is None:
            segments, cells = list(self), self.cell_length
            end = _to_column(self._column + cells)
            if all(agreed_width(segment.text) for segment in segments):
                self._drawn = Strip(segments, cells).render(console) + end
            else:
                drawn = Strip(
                    [Segment(" " * segment.cell_length, segment.style) for segment in segments]
                ).render(console)
                column = self._column
                for part in _by_columns(segments):
                    size = sum(segment.cell_length for segment in part)
                    text = Strip(_fitting(_without_padding(part), size))
                    drawn += _to_column(column) + text.render(console) + self._tail
                    column += size
                self._drawn = drawn + end
        return self._drawn


def _by_columns(segments: list[Segment]) -> list[list[Segment]]:
    """Split a row before each segment that is in a column of its own."""
    parts: list[list[Segment]] = [[]]
    for segment in segments:
        if segment.style is not None and segment.style.meta.get("fixed_column"):
            parts.append([])
        parts[-1].append(segment)
    return parts


def _without_padding(segments: list[Segment]) -> list[Segment]:
    """Remove blanks at the end: on a terminal with wider letters they would erase letters."""
    kept = list(segments)
    while kept and not kept[-1].text.strip(" "):
        kept.pop()
    if kept:
        text, style, _ = kept[-1]
        kept[-1] = Segment(text.rstrip(" "), style)
    return kept


def _fitting(segments: list[Segment], cells: int) -> list[Segment]:
    """Cut a row that would be drawn over the next pane: Textual cuts by a narrower measure."""
    kept: list[Segment] = []
    left = cells
    for at, (text, style, _) in enumerate(segments):
        needs_more = at + 1 < len(segments)
        end = 0
        for cluster, claimed in clusters(text):
            size = max(claimed, cell_len(cluster))
            is_last = not needs_more and end + len(cluster) == len(text)
            if size > left - (not is_last):
                return [*kept, Segment(text[:end] + "…", style)] if left else kept
            left -= size
            end += len(cluster)
        kept.append(Segment(text, style))
    return kept


def _to_column(column: int) -> str:
    return f"\x1b[{column + 1}G"


class ColumnAnchors:
    """The anchored rows of one widget, which passes each frame's rows to ``anchor``."""

    def __init__(self) -> None:
        self._kept: LRUCache[tuple[int, int, str], tuple[Strip, AnchoredStrip]] = LRUCache(_KEPT)

    def anchor(self, widget: Widget, strips: list[Strip], crop: Region) -> list[Strip]:
        """Anchor each row that is not plain ASCII; the filters have been applied to them."""
        plain = [strip.text.isascii() for strip in strips]
        if all(plain):
            return strips
        column = widget.region.x + crop.x
        app = widget.app
        mode = app.text_order if isinstance(app, SafeApp) else "terminal"
        if isinstance(widget, TextArea | Input):
            if widget.text if isinstance(widget, TextArea) else widget.value:
                mode = "off"  # the cursor must be on the letter that it would delete
            elif mode == "client":
                mode = "whole"  # the cursor cuts the placeholder in two
        return [
            strip if is_plain else self._anchored(strip, column, mode)
            for strip, is_plain in zip(strips, plain, strict=True)
        ]

    def _anchored(self, strip: Strip, column: int, mode: str) -> AnchoredStrip:
        """Anchor a row, or return the cached one for the same row: it caches its bytes."""
        key = id(strip), column, mode
        kept = self._kept.get(key)
        if kept is None or kept[0] is not strip:
            kept = self._kept[key] = (strip, anchored(strip, column, mode))
        return kept[1]


def _ordered_as_one(segments: list[Segment]) -> list[Segment]:
    """Order segments with right-to-left text, and those between them, as one text; styles stay in place."""
    places = [at for at, segment in enumerate(segments) if has_right_to_left(segment.text)]
    begin, end = places[0], places[-1] + 1
    letters = iter(in_visual_order("".join(segment.text for segment in segments[begin:end])))
    ordered = [Segment("".join(islice(letters, len(text))), style) for text, style, _ in segments[begin:end]]
    return [*segments[:begin], *ordered, *segments[end:]]


def anchored(strip: Strip, column: int, mode: str) -> AnchoredStrip:
    """Return a row with its anchor, ordered as the setting says."""
    segments = list(strip)
    tail = ""
    if mode != "off" and has_right_to_left(strip.text):
        if mode == "whole":
            segments = _ordered_as_one(segments)
        elif mode == "client":
            segments = [Segment(in_visual_order(text), style) for text, style, _ in segments]
        else:
            tail = LEFT_TO_RIGHT_MARK
    return AnchoredStrip(segments, strip.cell_length, column, tail)
