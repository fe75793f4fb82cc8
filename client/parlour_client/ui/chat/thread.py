"""The title of a thread: whose it is, since when, and how many messages it has."""

from typing import Final

from rich.cells import cell_len
from textual.events import Resize

from parlour_client.core.model import Entry, display_name
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_client.text.date_text import short_time

_GAP: Final = 2
"""Cells between the title and the key that closes the thread, at least."""


class ThreadTitle(SafeStatic):
    """One row."""

    DEFAULT_CSS = "ThreadTitle { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self) -> None:
        super().__init__(id="thread")
        self._words = ""
        self._has_focus = False
        self._clock = SystemClock()

    def show_thread(self, first: Entry | None, count: int) -> None:
        """Show these facts; ``first`` is None if the first message is not on this device."""
        messages = ngettext("{count} message", "{count} messages", count).format(count=count)
        if first is None:
            begins = _("Thread, its first message is missing")
        else:
            time = short_time(first.at, self._clock.now())
            begins = _("Thread of {author}, {time}").format(author=display_name(first.author), time=time)
        self._words = f"{begins} · {messages}"
        self._draw()

    def in_front(self, *, on: bool) -> None:
        """Show whether keys go to the thread."""
        self._has_focus = on
        self.set_class(on, "-front")
        self._draw()

    def on_resize(self, _event: Resize) -> None:
        """Fit the width."""
        self._draw()

    def _draw(self) -> None:
        words, closes = f"{'▸' if self._has_focus else ' '} {self._words}", _("Esc closes")
        free = self.size.width - cell_len(words) - cell_len(closes) - 1
        self.show(own(words + (" " * free + closes if free >= _GAP else "")))
