"""Search: words in, entries out, newest first; Enter goes to the message.

Results are a stranger's text on one line each, behind our words. It asks the client's archive and nothing
else. The chat screen pushes it and goes where it says.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList

from parlour_client.core.errors import ParlourClientError
from parlour_client.core.model import Entry
from parlour_client.ui.dialogs import Choices
from parlour_client.ui.safe import SafeStatic, join, option, own, peer_line
from parlour_client.ui.timeline.words import clock, day

Find = Callable[[str], Awaitable[Sequence[Entry]]]
Name = Callable[[Entry], str]


class SearchScreen(ModalScreen[Entry | None]):
    """A line for words and the list of what was found."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="search.leave"),
        Binding("down", "results", "Results", show=False, id="search.results"),
    ]

    def __init__(self, find: Find, room_name: Name, words: str = "") -> None:
        super().__init__(classes="page")
        self._find, self._room_name, self._words = find, room_name, words
        self._found: Sequence[Entry] = ()

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield Input(self._words, placeholder="Words to look for", compact=True)
            yield SafeStatic(own("Write words and press Enter.", "dim"), id="found")
            yield Choices(markup=False, compact=True)
        yield SafeStatic(
            own("esc leaves · down to the results · enter goes there", "dim"),
            classes="keys",
        )

    def on_mount(self) -> None:
        """Search at once when words were given."""
        if self._words:
            self._search(self._words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search."""
        if event.value.strip():
            self._search(event.value.strip())

    @work(exclusive=True)
    async def _search(self, words: str) -> None:
        told = self.query_one("#found", SafeStatic)
        try:
            self._found = await self._find(words)
        except ParlourClientError as error:
            told.show(peer_line(str(error)))
            return
        results = self.query_one(Choices)
        results.set_options(
            [option(self._row(entry), id=str(index)) for index, entry in enumerate(self._found)]
        )
        if self._found:
            told.show(own(f"{len(self._found)} found, newest first", "dim"))
            results.highlighted = 0
            results.focus()
        else:
            told.show(own("Nothing found. Search covers what this device has seen.", "dim"))

    def _row(self, entry: Entry) -> Content:
        when = own(f"{day(entry.at)} {clock(entry.at)}  ", "dim")
        head = join(when, peer_line(self._room_name(entry)), own("  "), peer_line(entry.author, style="bold"))
        return join(head, own("\n│ ", "dim"), peer_line(entry.text or "", limit=160))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Leave with the entry."""
        _ = self.dismiss(self._found[event.option_index])

    def action_results(self) -> None:
        """Go to the results."""
        self.query_one(Choices).focus()

    def action_leave(self) -> None:
        """Leave with nothing."""
        _ = self.dismiss(None)
