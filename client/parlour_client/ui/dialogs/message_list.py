"""A list of messages to choose from: search results, threads, outgoing messages.

Each message is two rows: our words about it, and its text on one line after the gutter. It posts only the
choice (OptionList's own).
"""

from collections.abc import Sequence

from textual.content import Content

from parlour_client.core.model import Entry, display_name
from parlour_client.kit.language import _
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import join, lines, option, own, peer_line
from parlour_client.text.formatting import preview
from parlour_client.ui.chat.timeline.sentences import clock, day

SHOWN: int = 160
"""Characters of a text in a list."""


class MessageChoices(Choices):
    """Messages, one below the other."""

    def __init__(self, *, led: bool = False) -> None:
        super().__init__(led=led)
        self.entries: Sequence[Entry] = ()

    def fill(self, entries: Sequence[Entry], heads: Sequence[Content]) -> None:
        """Show these messages, each below its heading; the mark stays in place."""
        marked = self.highlighted
        self.entries = entries
        self.set_options(
            [
                option(_rows(entry, head), id=str(index))
                for index, (entry, head) in enumerate(zip(entries, heads, strict=True))
            ]
        )
        if entries:
            self.highlighted = min(marked or 0, len(entries) - 1)

    @property
    def marked(self) -> Entry | None:
        """The marked message."""
        at = self.highlighted
        return self.entries[at] if at is not None and at < len(self.entries) else None


def head_of(entry: Entry, room: str | None = None) -> Content:
    """Return when, where and by whom it was written."""
    when = own(f"{day(entry.at)} {clock(entry.at)}  ", "dim")
    where = join(peer_line(room), own("  ")) if room is not None else own("")
    return join(when, where, peer_line(display_name(entry.author), style="bold"))


def text_of(entry: Entry) -> Content:
    """Return its text on one line, as every list shows it, with spoilers covered; or why it has none."""
    if entry.deleted:
        return own(_("· deleted"), "dim")
    if entry.text is None:
        return own(_("· no text"), "dim")
    return join(own("│ ", "dim"), peer_line(preview(entry.text), limit=SHOWN))


def _rows(entry: Entry, head: Content) -> Content:
    return lines(head, text_of(entry))
