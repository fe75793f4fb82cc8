"""Text that can be read in every theme: a colour too close to the one behind it is moved away from it.

The ratio is that of WCAG. Only colours of the screen are changed, never the terminal's own sixteen, and only
where there are letters: lines and blocks stay as their theme has them.
"""

from functools import lru_cache
from typing import Final

from rich.color import Color as RichColor
from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import BLACK, WHITE, Color
from textual.filter import LineFilter

ENOUGH: Final = 4.5
"""WCAG AA, for text."""
HIGH: Final = 7.0
"""WCAG AAA."""
_DIM: Final = 0.66
"""How much of its colour dim text keeps; terminals differ, so it is drawn as a colour."""
_STEPS: Final = 20
_LINEAR: Final = 0.04045
"""Below it sRGB is a straight line."""


class Contrast(LineFilter):
    """Draws text with at least this ratio."""

    def __init__(self, needed: float) -> None:
        super().__init__()
        self._needed = needed

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments, those with letters readable."""
        return [self._segment(segment, background) for segment in segments]

    def _segment(self, segment: Segment, background: Color) -> Segment:
        text, style, control = segment
        if style is None or control or text.isspace():
            return segment
        readable = readable_style(style, background, self._needed)
        return segment if readable is style or not any(map(str.isalnum, text)) else Segment(text, readable)


@lru_cache(4096)
def readable_style(style: Style, background: Color, needed: float) -> Style:
    """Return the style, or one whose foreground stands out, from ``background`` if it has none of its own."""
    front, back = _true(style.color), _true(style.bgcolor) if style.bgcolor is not None else background
    if front is None or back is None or back.ansi is not None:
        return style
    if style.reverse:
        front, back = back, front
    seen = back.blend(front, _DIM) if style.dim else front
    found = readable(seen, back, needed)
    if found == seen and not style.dim:
        return style
    changed = found.rich_color
    return style + (Style(bgcolor=changed, dim=False) if style.reverse else Style(color=changed, dim=False))


def readable(front: Color, back: Color, needed: float) -> Color:
    """Return the foreground, moved towards white or black as far as the ratio needs."""
    far = max(WHITE, BLACK, key=lambda colour: ratio(colour, back))
    steps = (front.blend(far, step / _STEPS) for step in range(_STEPS + 1))
    return next((step for step in steps if ratio(step, back) >= needed), far)


def ratio(colour: Color, other: Color) -> float:
    """Return the ratio of two colours, 1 to 21."""
    light, dark = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    parts = [c / 12.92 if c <= _LINEAR else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _true(colour: RichColor | None) -> Color | None:
    """Return a colour of the screen; None for the terminal's own."""
    if colour is None or colour.type is not ColorType.TRUECOLOR:
        return None
    return Color.from_rich_color(colour)
