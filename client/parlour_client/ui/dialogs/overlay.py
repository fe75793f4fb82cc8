"""A dialog over the chat: what shines through from below cannot move a pane either.

Textual paints the screen below into the dialog's own rows, and the anchors of ``anchored.py`` are lost there:
a stranger's Tamil would then push the panes and the edge of the dialog about. Here each piece of such a row
gets an anchor of its own. Every modal screen is a ``Veiled`` one; Textual's compositor calls the strips.
"""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from textual.await_complete import AwaitComplete
from textual.geometry import Region
from textual.strip import Strip

from parlour_client.ui.terminal.column_anchoring import AnchoredStrip

if TYPE_CHECKING:
    from textual.screen import ModalScreen

    _Base = ModalScreen[Any]
else:
    _Base = object  # two Widgets among the bases, as in `anchored.py`


class PiecewiseStrip(AnchoredStrip):
    """A strip of several panes: each segment begins and ends in its own column."""

    __slots__ = ()

    def render(self, console: Console) -> str:
        """Return the bytes, segment by segment."""
        if self._render_cache is None:
            column, pieces = self._column, list[str]()
            for segment in self._segments:
                piece = AnchoredStrip([segment], segment.cell_length, column, self._tail)
                pieces.append(piece.render(console))
                column += piece.cell_length
            self._render_cache = "".join(pieces)
        return self._render_cache


class Veiled(_Base):
    """A modal screen. Put it before the Textual class in the list of bases."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Leave once: of two keys that came at the same time the second finds the screen gone.

        Textual would take the screen below off the stack instead, or end the app where there is none.
        """
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Render as Textual does, filters included, then anchor each row that is not plain ASCII."""
        column = self.region.x + crop.x
        return [
            strip if strip.text.isascii() else PiecewiseStrip(list(strip), strip.cell_length, column)
            for strip in super().render_lines(crop)
        ]
