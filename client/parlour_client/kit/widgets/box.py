"""The frame of a dialog, and the words in it: another's text is behind a mark in each of its rows.

The frame is whole and round. Its title is in it, or in the first rows if it is too long for that.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget

from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, title_pane

GUTTER: Final = "│ "
ALERT: Final = "! "


class Box(Vertical):
    """A dialog's frame and what is in it."""

    DEFAULT_CSS = "Box > .title { height: auto; }"

    def __init__(self, title: Content) -> None:
        """Take the title: our words of ours and checked names; another's text is in further rows."""
        self._title, self._long_title = title, Vertical(*blocks(title), classes="title")
        super().__init__(self._long_title, classes="box")

    def on_resize(self, _event: Resize) -> None:
        """Show the title where it is not cut."""
        fits = "\n" not in self._title.plain and self._title.cell_length <= self.content_size.width
        self._long_title.display = not fits
        title_pane(self, self._title if fits else own(""))


class Quote(SafeStatic):
    """Another's text: each of its rows is behind our mark, those that wrap, too."""

    DEFAULT_CSS = """
    Quote { height: auto; padding-left: 1; border-left: solid $frame; }
    """


def quoted(text: Content) -> Content:
    """Return another's text with the mark before each of its lines; ``blocks`` shows it so."""
    return lines(*(join(own(GUTTER, "dim"), line) for line in text.split("\n", allow_blank=True)))


class Alert(Horizontal):
    """A sentence of ours with a mark before it: rows that wrap begin below its first word."""

    DEFAULT_CSS = """
    Alert { height: auto; }
    Alert > SafeStatic { width: 1fr; }
    Alert > .mark { width: 2; }
    """

    def __init__(self, sentence: Content) -> None:
        super().__init__(SafeStatic(sentence[:2], classes="mark"), SafeStatic(sentence[2:]))


def blocks(content: Content) -> Iterator[Widget]:
    """Yield what shows lines of ours, alerts among them, and in between those of others."""
    for mark, found in groupby(
        content.split("\n", allow_blank=True),
        lambda line: next((mark for mark in (GUTTER, ALERT) if line.plain.startswith(mark)), ""),
    ):
        rows = list(found)
        if mark == ALERT:
            yield from map(Alert, rows)
        elif mark == GUTTER:
            yield Quote(lines(*(row[len(GUTTER) :] for row in rows)))
        else:
            yield SafeStatic(lines(*rows))
