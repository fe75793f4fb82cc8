"""A preview of a picture: as pixels where the terminal can, as half blocks of ours in two colours elsewhere.

The pixels are numbers, so nothing that a stranger wrote reaches the terminal. It draws nothing where the
terminal has no colours for it.
"""

from typing import Final, cast

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.kit.pictures.preview import Preview
from parlour_client.kit.pictures.protocols import drawing, erasing
from parlour_client.kit.terminal.canvas import Canvas
from parlour_client.kit.terminal.safe_app import SafeApp

HALF_BLOCK = "▀"
MOST_COLUMNS: Final = 400
"""Of half blocks: no terminal has more."""


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


class PixelView(Widget):
    """Empty cells, over which the terminal draws the pixels each time that they were drawn."""

    def __init__(self, preview: Preview, canvas: Canvas) -> None:
        """Make the sequence, which takes a while: not in the app's thread."""
        super().__init__()
        self._canvas = canvas
        columns, rows = -(-preview.width // canvas.cell_width), -(-preview.height // canvas.cell_height)
        self.styles.width, self.styles.height = columns, rows
        self._drawing = drawing(canvas.protocol, preview, columns, rows)
        self._is_due = False

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002 - Textual's interface
        """Return the width in cells."""
        return self.size.width

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - Textual's interface
        """Leave the cells to the picture."""
        return Strip.blank(self.size.width, self.rich_style)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the cells, and the picture when they are on the screen."""
        if not self._is_due:
            self._is_due = True
            _ = self.call_after_refresh(self._draw)
        return super().render_lines(crop)

    def _draw(self) -> None:
        self._is_due = False
        self.erase()  # it may have been elsewhere
        if self.screen.is_current and self.screen.region.contains_region(self.region):
            at = f"\x1b[{self.region.y + 1};{self.region.x + 1}H"
            self._write(f"\x1b7{at}{self._drawing}\x1b8")

    def erase(self) -> None:
        """Take the picture off the screen."""
        self._write(erasing(self._canvas.protocol))

    def on_unmount(self) -> None:
        """Leave no picture behind."""
        self.erase()

    def _write(self, data: str) -> None:
        cast("SafeApp", self.app).to_terminal(data)
