"""Search as you type: words and `from: in: on: has: …`; what was said around the marked message is below.

Results are a stranger's text on one line each, after our words. It searches only the client's archive, and
marks nothing as read. Enter goes to the marked message.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList

from parlour_client.commands.results import MessagesFound
from parlour_client.core.model import Entry, display_name
from parlour_client.core.search_query import HELP
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, peer_line
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.chat.timeline.sentences import clock
from parlour_client.ui.dialogs.message_list import MessageChoices, head_of, text_of

MOST_FOUND: Final = 50
"""Messages that are listed; one more is requested, to know whether these are all."""
REST: Final = 0.12
"""Seconds without a key after which the search begins."""
AROUND: Final = 2
"""Messages before the marked one, and after it, that are shown with it."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The client's methods that the search calls."""

    find: Callable[[str], Awaitable[Sequence[Entry]]]
    around: Callable[[Entry, int], Awaitable[tuple[Sequence[Entry], Sequence[Entry]]]]
    room_name: Callable[[Entry], str]


class SearchScreen(Overlay[Entry | None]):
    """An input, the list of results, and what surrounds the marked one."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012 - Textual's declaration
    HELP: ClassVar[str | None] = N_(
        "Words match in any order, the last one may be unfinished. The newest message comes first.\n"
        'from:NAME  in:ROOM  "exact words"  on: before: after: 2026-11-24, 2026-11, today, 7d\n'
        "has:link has:file has:reaction  is:unread is:mention is:starred is:edited is:mine"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Leave"), id="search.leave"),
        Binding("down", "move('cursor_down')", N_("Next result"), show=False, id="search.results"),
        Binding("up", "move('cursor_up')", N_("Previous result"), show=False, id="search.up"),
        Binding("pagedown", "move('page_down')", N_("Page down"), show=False, id="search.page_down"),
        Binding("pageup", "move('page_up')", N_("Page up"), show=False, id="search.page_up"),
    ]

    def __init__(self, archive: Archive, words: str = "", found: MessagesFound | None = None) -> None:
        super().__init__(classes="page")
        self._archive, self._words, self._given = archive, words, found
        self._searched = ""
        """The words whose results are shown."""
        self._begin = Deferred(self, self._search)
        self._surround = Deferred(self, self._show_around)

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield Field(self._words, placeholder=_("Search for"), compact=True)
            yield SafeStatic(id="found")
            yield SafeStatic(own(HELP, "dim"), id="language")
            yield MessageChoices(led=True)
            yield SafeStatic(id="around")
        keys = _("esc: close · enter: go to the message · up and down: results")
        yield SafeStatic(own(keys, "dim"), classes="keys")

    def on_mount(self) -> None:
        """Search at once if words were given."""
        self.query_one("#around").display = False
        if self._given is not None:
            self._searched = self._words
            self._show(self._given.entries, is_all=not self._given.more)
        elif self._words:
            self._search()
        else:
            self._tell(_("Nothing is sent to the server, and nothing is marked as read."))

    def on_unmount(self) -> None:
        """Search no more."""
        self._begin.cancel()
        self._surround.cancel()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search soon."""
        if event.value.strip() != self._searched:
            self._begin.postpone(REST)

    def on_input_submitted(self) -> None:
        """Go to the marked message, or search first for what was typed since."""
        marked = self.query_one(MessageChoices).marked
        if self.query_one(Field).value.strip() != self._searched:
            self._begin.cancel()
            self._search()
        elif marked is not None:
            _ignored = self.dismiss(marked)

    def _search(self) -> None:
        """Search for what is typed now."""
        words = self.query_one(Field).value.strip()
        # exclusive: only the results of the words that were typed last are shown
        self.run_worker(self._find(words), group="search", exclusive=True)

    async def _find(self, words: str) -> None:
        found: Sequence[Entry] = ()
        told = None
        if words:
            try:
                found = await self._archive.find(words)
            except ParlourClientError as error:
                told = join(peer_line(str(error), style="bold"), own(" "), peer_line(error.hint, style="dim"))
        self._searched = words
        self._show(found[:MOST_FOUND], is_all=len(found) <= MOST_FOUND)
        if told is not None:
            self.query_one("#found", SafeStatic).show(told)

    def _show(self, found: Sequence[Entry], *, is_all: bool) -> None:
        results = self.query_one(MessageChoices)
        results.highlighted = None
        results.fill(found, [head_of(entry, self._archive.room_name(entry)) for entry in found])
        if not is_all:
            self._tell(
                _("The newest {count}. There are more: before:DATE finds older ones.").format(
                    count=len(found)
                )
            )
        elif found:
            count = len(found)
            self._tell(
                ngettext("{count} found, newest first", "{count} found, newest first", count).format(
                    count=count
                )
            )
        else:
            self._tell(_("Nothing found. Search covers what this device has seen.") if self._searched else "")
        self._surround.postpone(0)

    def _tell(self, words: str) -> None:
        self.query_one("#found", SafeStatic).show(own(words, "dim"))

    def on_option_list_option_highlighted(self) -> None:
        """Show what surrounds the marked message, once the mark rests."""
        self._surround.postpone(REST)

    def _show_around(self) -> None:
        marked = self.query_one(MessageChoices).marked
        if marked is None:
            self.query_one("#around").display = False
        else:
            self.run_worker(self._surrounded(marked), group="around", exclusive=True)

    async def _surrounded(self, marked: Entry) -> None:
        before, after = await self._archive.around(marked, AROUND)
        shown = self.query_one("#around", SafeStatic)
        shown.show(lines(*(_row(entry, is_marked=entry is marked) for entry in (*before, marked, *after))))
        shown.display = True

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        """Go to a clicked message."""
        _ignored = self.dismiss(self.query_one(MessageChoices).marked)

    async def action_move(self, where: str) -> None:
        """Move the mark."""
        await self.query_one(MessageChoices).run_action(where)


def _row(entry: Entry, *, is_marked: bool) -> Content:
    return join(
        own("> " if is_marked else "  "),
        own(f"{clock(entry.at)} ", "dim"),
        peer_line(display_name(entry.author), style="bold" if is_marked else "dim"),
        own("  "),
        text_of(entry),
    )
