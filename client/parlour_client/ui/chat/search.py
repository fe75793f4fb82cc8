"""Search: takes words and `from: in: has: …`, lists messages, newest first; Enter goes to the message.

Results are a stranger's text on one line each, after our words. It searches only the client's archive, and
marks nothing as read.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList

from parlour_client.commands.results import MessagesFound
from parlour_client.core.model import Entry
from parlour_client.core.search_query import HELP
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.ui.dialogs.message_list import MessageChoices, head_of

Find = Callable[[str], Awaitable[Sequence[Entry]]]
Name = Callable[[Entry], str]
MOST_FOUND: Final = 50
"""Messages that are listed; one more is requested, to know whether these are all."""
_MORE: Final = f"The newest {MOST_FOUND}. There are more: before:DATE finds older ones."
_NOTHING: Final = "Nothing found. Search covers what this device has seen."


class SearchScreen(Overlay[Entry | None]):
    """An input and the list of results."""

    HELP: ClassVar[str | None] = (
        "Words match in any order, the last one may be unfinished. The newest message comes first.\n"
        'from:NAME  in:ROOM  "exact words"  before: after: 2026-11-24, 2026-11, today, 7d\n'
        "has:link has:file has:reaction  is:unread is:mention is:starred is:edited is:mine"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="search.leave"),
        Binding("down", "results", "Results", show=False, id="search.results"),
    ]

    def __init__(
        self, find: Find, room_name: Name, words: str = "", found: MessagesFound | None = None
    ) -> None:
        super().__init__(classes="page")
        self._find, self._room_name, self._words, self._found = find, room_name, words, found

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield Field(self._words, placeholder="Search for", compact=True)
            yield SafeStatic(own("Type words and press Enter.", "dim"), id="found")
            yield SafeStatic(own(HELP, "dim"), id="language")
            yield MessageChoices()
        yield SafeStatic(
            own(
                "esc: close · enter: search or open · down: results · nothing is marked read",
                "dim",
            ),
            classes="keys",
        )

    def on_mount(self) -> None:
        """Search at once if words were given."""
        if self._found is not None:
            self._show(self._found.entries, is_all=not self._found.more)
        elif self._words:
            self._search(self._words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search."""
        if event.value.strip():
            self._search(event.value.strip())

    @work(exclusive=True)
    async def _search(self, words: str) -> None:
        told = self.query_one("#found", SafeStatic)
        try:
            found = await self._find(words)
        except ParlourClientError as error:
            told.show(join(peer_line(str(error), style="bold"), own(" "), peer_line(error.hint, style="dim")))
            return
        self._show(found[:MOST_FOUND], is_all=len(found) <= MOST_FOUND)

    def _show(self, found: Sequence[Entry], *, is_all: bool) -> None:
        told = self.query_one("#found", SafeStatic)
        results = self.query_one(MessageChoices)
        results.fill(found, [head_of(entry, self._room_name(entry)) for entry in found])
        if found:
            words = f"{len(found)} found, newest first" if is_all else _MORE
            told.show(own(words, "dim"))
            results.highlighted = 0
            results.focus()
        else:
            told.show(own(_NOTHING, "dim"))

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        """Close with the entry."""
        _ = self.dismiss(self.query_one(MessageChoices).marked)

    def action_results(self) -> None:
        """Focus the results."""
        self.query_one(MessageChoices).focus()

    def action_leave(self) -> None:
        """Close without one."""
        _ = self.dismiss(None)
