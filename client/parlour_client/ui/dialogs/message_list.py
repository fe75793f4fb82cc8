"""A list of messages to choose from: search results, pins, threads, outgoing messages.

A message is one row that never wraps: when, where and by whom, then its text behind the gutter, with what was
searched for marked in it. It posts only the choice (OptionList's own).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Final

from textual.content import Content

from parlour_client.core.model import Entry, display_name
from parlour_client.kit.language import _
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import ESCAPE, join, lines, option, own, peer_line
from parlour_client.text.date_text import clock, day, short_day
from parlour_client.text.formatting import preview
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.text.cell_width import beginning, cell_width, clusters

SHOWN: Final = 160
"""Characters of a text in a list."""
NARROW: Final = 60
"""Cells below which a row has no time and no room, only the day."""
_READ: Final = 4_000
"""Characters of a text in which something that was searched for is marked."""
_KEPT: Final = 24
"""Characters before what was found that are kept, at most, if it would not be seen otherwise."""
_FOUND: Final = "bold underline $accent"
_LONGEST_NAME: Final = 16

Places = Callable[[str], Sequence[tuple[int, int]]]
"""Returns where in a text something is that was searched for."""


class MessageChoices(Choices):
    """Messages, one below the other."""

    def __init__(self, *, led: bool = False) -> None:
        super().__init__(led=led)
        self.entries: Sequence[Entry] = ()

    def fill(
        self, entries: Sequence[Entry], rows: Sequence[Content], titles: Mapping[int, Content] | None = None
    ) -> None:
        """Show these messages; ``titles`` stand above some of them. The mark stays in place."""
        marked = self.at
        self.entries = entries
        options = []
        for at, row in enumerate(rows):
            if titles and at in titles:
                options.append(option(titles[at], disabled=True))
            options.append(option(row, id=str(at)))
        self.set_options(options)
        if entries:
            self.mark(min(marked or 0, len(entries) - 1))

    @property
    def at(self) -> int | None:
        """The marked message's place among the entries."""
        marked = self.highlighted_option
        return int(marked.id) if marked is not None and marked.id is not None else None

    def mark(self, at: int) -> None:
        """Mark a message by its place."""
        self.highlighted = self.get_option_index(str(at))

    @property
    def marked(self) -> Entry | None:
        """The marked message."""
        at = self.at
        return self.entries[at] if at is not None and at < len(self.entries) else None


def message_rows(
    entries: Sequence[Entry],
    now: Millis,
    width: int,
    *,
    rooms: Sequence[str] = (),
    places: Places = lambda _text: (),
) -> list[Content]:
    """Return a row for each message: the day, the time, the room, the author, the text."""
    is_narrow = width < NARROW
    days = [short_day(entry.at, now) for entry in entries]
    authors = [display_name(entry.author) for entry in entries]
    of_day, of_author = _column(days, 7), _column(authors, 5 if is_narrow else 7)
    of_room = _column(rooms, 8)
    before = of_day + of_author + (5 if is_narrow else 13) + (of_room + 2 if rooms and not is_narrow else 0)
    rows = []
    for at, entry in enumerate(entries):
        when = _padded(days[at], of_day) + (" " if is_narrow else f" {clock(entry.at)}  ")
        where = own("") if is_narrow or not rooms else padded_name(rooms[at], of_room)
        rows.append(
            join(
                own(when, "dim"),
                where,
                padded_name(authors[at], of_author),
                text_of(entry, places, cells=width - before),
            )
        )
    return rows


def _column(words: Sequence[str], least: int) -> int:
    return max([least, *(min(cell_width(word), _LONGEST_NAME) for word in words)])


def _padded(word: str, cells: int) -> str:
    return word + " " * (cells - cell_width(word))


def padded_name(name: str, cells: int) -> Content:
    """Return a name in a column; names have one cell a character."""
    shown = peer_line(name, limit=cells)
    return join(shown, own(" " * max(0, cells + 2 - shown.cell_length)))


def head_of(entry: Entry) -> Content:
    """Return when and by whom it was written."""
    when = own(f"{day(entry.at)} {clock(entry.at)}  ", "dim")
    return join(when, peer_line(display_name(entry.author), style="bold"))


def under_head(entry: Entry, head: Content) -> Content:
    """Return two rows: words of ours about a message, and its text."""
    return lines(head, text_of(entry))


def text_of(
    entry: Entry, places: Places = lambda _text: (), gutter: str = "│ ", cells: int = SHOWN
) -> Content:
    """Return its text on one line, as every list shows it, with spoilers covered; or why it has none.

    What was searched for is marked, and within the first ``cells``.
    """
    if entry.deleted:
        return own(_("· deleted"), "dim")
    if entry.text is None:
        return own(_("· no text"), "dim")
    return join(
        own(gutter, "dim"), _marked(peer_line(preview(entry.text)[: 2 * _READ], limit=_READ), places, cells)
    )


def _marked(shown: Content, places: Places, cells: int) -> Content:
    """Mark what was found, in the text as it is shown; begin near the first of it."""
    plain = shown.plain
    for span in shown.spans:
        if span.style == ESCAPE:  # our words in another's text are nothing that could be found
            plain = plain[: span.start] + " " * (span.end - span.start) + plain[span.end :]
    found = places(plain)[:SHOWN]  # of text that says one word a thousand times no more can be seen
    if found:
        edges = [0, *accumulate(len(cluster) for cluster, _cells in clusters(shown.plain))]
        for start, end in found:
            whole = edges[bisect_right(edges, start) - 1], edges[bisect_left(edges, end)]
            shown = shown.stylize(_FOUND, *whole)  # of a letter with its marks no half has another style
        begin, end = found[0]
        if cell_width(plain[:end]) > cells:
            begin, kept = edges[bisect_right(edges, begin) - 1], min(_KEPT, cells * 2 // 5)
            near = [edge for edge in edges if begin - kept <= edge <= begin]
            words = (edge for edge in near if edge == begin or plain[edge - 1] == " ")
            shown = join(own("…"), shown[next(words, near[-1]) :])
    if len(shown) > SHOWN:
        shown = join(shown[: len(beginning(shown.plain, SHOWN - 1))], own("…"))
    return shown
