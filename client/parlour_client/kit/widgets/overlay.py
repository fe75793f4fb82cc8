"""A dialog over the chat, anchored so that text from below cannot move a pane.

Textual paints the screen below into the dialog's own rows, and the anchors of ``column_anchoring`` are lost
there: a stranger's Tamil would then move the panes and the edge of the dialog. Here each piece of such a row
gets an anchor of its own. Every modal screen is an ``Overlay``; Textual's compositor calls the strips.
"""

from collections.abc import Sequence
from typing import TypeVar

from rich.console import Console
from textual.await_complete import AwaitComplete
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip

from parlour_client.kit.terminal.column_anchoring import AnchoredStrip

Answer = TypeVar("Answer")


class PiecewiseStrip(AnchoredStrip):
    """A strip of several panes: each segment begins and ends in its own column."""

    __slots__ = ()

    def render(self, console: Console) -> str:
        """Return the bytes, segment by segment."""
        if self._drawn is None:
            column, pieces = self._column, list[str]()
            for segment in self:
                piece = AnchoredStrip([segment], segment.cell_length, column, self._tail)
                pieces.append(piece.render(console))
                column += piece.cell_length
            self._drawn = "".join(pieces)
        return self._drawn


class Overlay(ModalScreen[Answer]):
    """A modal screen over the chat."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close once: of two keys pressed at the same time the second finds the screen closed.

        Textual would remove the screen below instead, or end the app if there is none.
        """
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def action_leave(self) -> None:
        """Close without an answer."""
        _done = self.dismiss(None)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each piece of the screen below anchored to its columns."""
        return in_pieces(super().render_lines(crop), self.region.x + crop.x)


def in_pieces(strips: Sequence[Strip], column: int) -> list[Strip]:
    """Anchor each piece of each row that is not plain ASCII; the filters have been applied."""
    return [
        strip if strip.text.isascii() else PiecewiseStrip(list(strip), strip.cell_length, column)
        for strip in strips
    ]
