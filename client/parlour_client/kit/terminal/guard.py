"""The third defence: whatever a widget drew, no forbidden code point and no link reaches the terminal.

It filters every line of every widget, so that a mistake in the view layer (or in Textual) shows a U+FFFD
instead of running a terminal command. It never passes a control segment: those of the drivers and of
`column_anchoring` are made after it. `ParlourApp` puts one instance at the end of its line filters.
"""

from collections.abc import Sequence

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from parlour_protocol.kit.text.forbidden import FORBIDDEN, REPLACEMENT


class TerminalGuard(LineFilter):
    """Replaces text that must never reach a terminal. Keep one instance: Textual caches lines by filter."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's interface
        """Return the segments without anything that a terminal would act on."""
        return [self._clean(segment) for segment in segments]

    @staticmethod
    def _clean(segment: Segment) -> Segment:
        text, style, control = segment
        if style is not None and style.link:  # OSC 8: a link's text and its target can differ
            style = style.update_link(None)
        clean = text if text.isascii() and text.isprintable() else FORBIDDEN.sub(REPLACEMENT, text)
        if clean is text and style is segment.style and not control:
            return segment
        return Segment(clean, style)


class AllFilters(LineFilter):
    """Applies filters in their order: Textual looks each one up for every row of a frame, so one is best."""

    def __init__(self, filters: Sequence[LineFilter]) -> None:
        super().__init__()
        self.filters = filters

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return what is left of the segments after all filters."""
        for line_filter in self.filters:
            segments = line_filter.apply(segments, background)
        return segments
