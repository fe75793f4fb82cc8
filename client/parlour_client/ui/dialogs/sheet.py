"""A page over the whole screen: a row that names it, columns, a row of keys. Search, settings and help.

Below 100 columns its last column is at the bottom, below 60 it shows one at a time.
"""

from typing import Final, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Input

from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_protocol.kit.text.cell_width import cell_width

Answer = TypeVar("Answer")
_LEAST: Final = 5
"""Cells between the page's name and the words on the right, with what is between them."""
_LEAST_FIELD: Final = 16
"""The same where something is typed between them: it must be seen."""


class Sheet(Overlay[Answer]):
    """A page over the whole screen."""

    HORIZONTAL_BREAKPOINTS = [(0, "-one"), (60, "-two"), (100, "-three")]  # noqa: RUF012 - Textual's declaration

    def __init__(self) -> None:
        super().__init__(classes="sheet")


class Head(Horizontal):
    """The first row: the page's name, what it is about or a field, and words of ours on the right."""

    def __init__(self, title: Content, middle: Widget) -> None:
        super().__init__(classes="head")
        self._heading, self._words = SafeStatic(title, classes="name"), tuple[str, ...]()
        self._cells = title.cell_length
        self._middle, self._end = middle, SafeStatic(classes="end")

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield self._heading
        yield self._middle
        yield self._end

    def tell(self, *words: str) -> None:
        """Show these on the right; where there is no room for all, the last ones."""
        self._words = words
        self._fit()

    def on_resize(self, _event: Resize) -> None:
        """Show the words on the right that fit."""
        self._fit()

    def _fit(self) -> None:
        width = self.content_size.width
        for first in range(len(self._words)):
            words = " · ".join(self._words[first:])
            free = width - cell_width(words) - (_LEAST_FIELD if isinstance(self._middle, Input) else _LEAST)
            if free >= self._cells or first == len(self._words) - 1:
                self._end.show(own(words, "dim"))
                self._heading.styles.max_width = max(1, free)
                return
