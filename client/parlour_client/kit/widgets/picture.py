"""A preview of a picture as cells: half blocks of ours in two colours, and no other character.

The pixels are numbers, so nothing that a stranger wrote reaches the terminal. It draws nothing where the
terminal has no colours for it.
"""

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.kit.pictures.preview import Preview

HALF_BLOCK = "▀"


def has_colors_for_pictures(app: App[None]) -> bool:
    """Say whether the terminal shows 256 colours or more, and the person wants colours."""
    return not app.no_color and not app.native_ansi_color and app.console.color_system in {"truecolor", "256"}


class PictureView(Widget):
    """Draws a preview, two pixels in each cell."""

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self._preview = preview
        self.styles.width, self.styles.height = preview.width, -(-preview.height // 2)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002 - Textual's interface
        """Return the width in cells."""
        return self._preview.width

    def render_line(self, y: int) -> Strip:
        """Draw one row of cells."""
        shown, top = self._preview, 2 * y
        if top >= shown.height:
            return Strip.blank(self.size.width)
        return Strip([Segment(HALF_BLOCK, self._style(x, top)) for x in range(shown.width)], shown.width)

    def _style(self, x: int, top: int) -> Style:
        shown = self._preview
        lower = Color.from_rgb(*shown.color(x, top + 1)) if top + 1 < shown.height else None
        return Style(color=Color.from_rgb(*shown.color(x, top)), bgcolor=lower)
