"""Containers that fill a screen are drawn with every frame, although widgets cover them.

Textual's compositor renders each widget whose parent is touched by a change. All rows of a container with
nothing of its own are the same, so one is drawn for all of them.
"""

from collections.abc import Callable

from textual.containers import Horizontal
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


def same_rows(container: Widget, draw: Callable[[Region], list[Strip]], crop: Region) -> list[Strip]:
    """Draw a container's rows; only one of them, unless a border makes them different."""
    lines = container.styles.border.spacing, container.styles.outline.spacing
    if any(spacing.top or spacing.bottom for spacing in lines) or not crop.height:
        return draw(crop)
    return draw(Region(crop.x, crop.y, crop.width, 1)) * crop.height


class Columns(Horizontal):
    """Widgets side by side, as high as the screen."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is behind the widgets."""
        return same_rows(self, super().render_lines, crop)
