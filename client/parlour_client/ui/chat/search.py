"""Search as you type: words and `from: in: on: has: …`; what was said around the marked message is below.

Results are a stranger's text on one line each, after our words. It searches only the client's archive, and
marks nothing as read. Enter goes to the marked message; from there the way back is to the same results.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.widgets import Input, OptionList

from parlour_client.core.found_words import FoundWords
from parlour_client.core.model import Entry, display_name
from parlour_client.core.search_query import HAS, IS, KEYS
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.safe import SafeStatic, filled, join, lines, own, peer_line
from parlour_client.text.date_text import clock
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.dialogs.message_list import NARROW, MessageChoices, message_rows, padded_name, text_of
from parlour_client.ui.dialogs.sheet import Head, Sheet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis

MOST_FOUND: Final = 50
"""Messages that are listed; one more is requested, to know whether these are all."""
REST: Final = 0.12
"""Seconds without a key after which the search begins."""
AROUND: Final = 2
"""Messages before the marked one, and after it, that are shown with it; one below 20 rows."""
_LOW: Final = 20
_MOST_HINTS: Final = 12
_DATES: Final = ("today", "yesterday", "7d", "2w")


@dataclass(frozen=True, slots=True)
class Archive:
    """The client's methods that the search calls."""

    find: Callable[[str], Awaitable[Sequence[Entry]]]
    around: Callable[[Entry, int], Awaitable[tuple[Sequence[Entry], Sequence[Entry]]]]
    room_name: Callable[[RoomId], str]
    now: Callable[[], Millis]
    people: Callable[[], Sequence[str]]
    rooms: Callable[[], Sequence[str]]
    """Names of people and rooms, to complete them."""


@dataclass(frozen=True, slots=True)
class Results:
    """What a search showed, to show it again."""

    words: str
    entries: Sequence[Entry]
    more: bool = False
    marked: int = 0
    scrolled: float = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """The message to go to, and the results that it is one of."""

    entry: Entry
    results: Results


class SearchScreen(Sheet[Chosen | None]):
    """An input, the list of results, and what surrounds the marked one."""

    HELP: ClassVar[str | None] = N_(
        "Words match in any order, the last one may be unfinished. The newest message comes first.\n"
        'from:NAME  in:ROOM  "exact words"  on: before: after: 2026-11-24, 2026-11, today, 7d\n'
        "has:link has:file has:reaction  is:unread is:mention is:starred is:edited is:mine"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Leave"), id="search.leave"),
        Binding("tab", "take", N_("Complete"), show=False, priority=True, id="search.take"),
        Binding("down", "move('cursor_down')", N_("Next result"), show=False, id="search.results"),
        Binding("up", "move('cursor_up')", N_("Previous result"), show=False, id="search.up"),
        Binding("pagedown", "move('page_down')", N_("Page down"), show=False, id="search.page_down"),
        Binding("pageup", "move('page_up')", N_("Page up"), show=False, id="search.page_up"),
    ]

    def __init__(self, archive: Archive, words: str = "", found: Results | None = None) -> None:
        """``found`` is what is known already for these words."""
        super().__init__()
        self._archive, self._given = archive, found
        self._field = Field(found.words if found is not None else words, compact=True)
        self._head = Head(own(_("Search"), "bold"), self._field)
        self._choices = MessageChoices(led=True)
        self._results = Results("", ())
        """What is shown; its words are those that were searched for last."""
        self._begin = Deferred(self, self._search)
        self._surround = Deferred(self, self._show_around)

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield self._head
        yield SafeStatic(id="hints", classes="row")
        yield SafeStatic(id="told")
        yield self._choices
        yield SafeStatic(id="around")
        keys = _("Up, Down: choose · Enter: go there · nothing is marked as read")
        yield SafeStatic(own(keys, "dim"), id="keys", classes="row")

    def on_mount(self) -> None:
        """Search at once if words were given."""
        self._hint()
        self._show(self._given or self._results)
        if self._given is not None:
            self._choices.call_after_refresh(
                self._choices.scroll_to, y=self._given.scrolled, animate=False, immediate=True
            )
        elif self._field.value:
            self._search()

    def on_unmount(self) -> None:
        """Search no more."""
        self._begin.cancel()
        self._surround.cancel()

    def on_resize(self, event: Resize) -> None:
        """Show as much of each message as there is room for."""
        if self._results.entries:
            self._fill(event.size.width, self._choices.at or 0)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search soon."""
        self._hint()
        if event.value.strip() != self._results.words:
            self._begin.postpone(REST)

    def on_input_submitted(self) -> None:
        """Go to the marked message, or search first for what was typed since."""
        if self._field.value.strip() != self._results.words:
            self._begin.cancel()
            self._search()
        else:
            self._go()

    def _go(self) -> None:
        if (marked := self._choices.marked) is not None:
            now = replace(self._results, marked=self._choices.at or 0, scrolled=self._choices.scroll_offset.y)
            _ignored = self.dismiss(Chosen(marked, now))

    def _search(self) -> None:
        """Search for what is typed now."""
        words = self._field.value.strip()
        # exclusive: only the results of the words that were typed last are shown
        self.run_worker(self._find(words), group="search", exclusive=True)

    async def _find(self, words: str) -> None:
        found: Sequence[Entry] = ()
        refused = None
        if words:
            try:
                found = await self._archive.find(words)
            except ParlourClientError as error:
                sentence = join(own("! ", "$warning"), peer_line(str(error), limit=400))
                refused = join(sentence, own(" "), peer_line(error.hint, limit=400, style="dim"))
        listed = found[:MOST_FOUND]
        self._show(Results(words, by_room(listed), more=len(found) > MOST_FOUND), refused)

    def _show(self, results: Results, refused: Content | None = None) -> None:
        self._results = results
        count = len(results.entries)
        told = refused or own("")
        if results.more:
            told = own(_("There are more: before:DATE finds older ones."), "dim")
        elif results.words and not count and refused is None:
            told = own(_("Nothing found. Search covers what this device has seen."), "dim")
        self.query_one("#told", SafeStatic).show(told)
        self.query_one("#told").display = bool(told)
        words = ngettext("{count} found", "{count} found", count).format(count=count)
        self._head.tell(*((words,) if results.words else ()), _("Esc close"))
        self._fill(self.app.size.width, results.marked)
        self._surround.postpone(0)

    def _fill(self, width: int, marked: int) -> None:
        entries = self._results.entries
        rooms = [self._archive.room_name(entry.room) for entry in entries]
        rows = message_rows(
            entries, self._archive.now(), width, rooms=rooms, places=FoundWords(self._results.words)
        )
        titles = {}
        if width < NARROW:
            titles = {rooms.index(room): peer_line(room, style="dim") for room in dict.fromkeys(rooms)}
        self._choices.fill(entries, rows, titles)
        if entries:
            self._choices.mark(min(marked, len(entries) - 1))

    # --- what surrounds the marked one

    def on_option_list_option_highlighted(self) -> None:
        """Show what surrounds the marked message, once the mark rests."""
        self._surround.postpone(REST)

    def _show_around(self) -> None:
        marked = self._choices.marked
        if marked is None:
            self.query_one("#around").display = False
        else:
            self.run_worker(self._surrounded(marked), group="around", exclusive=True)

    async def _surrounded(self, marked: Entry) -> None:
        before, after = await self._archive.around(marked, AROUND if self.app.size.height >= _LOW else 1)
        entries, places = (*before, marked, *after), FoundWords(self._results.words)
        names = max(7, *(len(display_name(entry.author)) for entry in entries))
        around = self.query_one("#around", SafeStatic)
        rule = filled(_("around it in {room}"), room=peer_line(self._archive.room_name(marked.room)))
        head = join(own("── "), rule, own(" "))
        rows = [join(head, own("─" * (self.app.size.width - 2 - head.cell_length)))]
        for entry in entries:
            found = text_of(entry, places, "├ ") if entry is marked else text_of(entry, gutter="├ ")
            author = padded_name(display_name(entry.author), names)
            rows.append(join(own(f"{clock(entry.at)} ", "dim"), author, found))
        around.show(lines(*rows))
        around.display = True

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        """Go to a clicked message."""
        self._go()

    async def action_move(self, where: str) -> None:
        """Move the mark."""
        await self._choices.run_action(where)

    # --- what can be written

    def _hint(self) -> None:
        offered = list(self._offers()) if self._typed() else []
        keys = " ".join(f"{key}:" for key in KEYS)
        words = " ".join(offered) or f'{keys} "{_("exact words")}"'
        takes = own(f" · {_('Tab takes one')}", "dim")
        self.query_one("#hints", SafeStatic).show(join(peer_line(words, style="dim"), takes))

    def _typed(self) -> str:
        """Return the word before the cursor."""
        before = self._field.value[: self._field.cursor_position]
        return "" if before.endswith(" ") else before.rpartition(" ")[2]

    def _offers(self) -> Iterator[str]:
        """Yield what the word before the cursor may become."""
        key, colon, value = self._typed().lower().partition(":")
        if not colon:
            return (f"{known}:" for known in KEYS if known.startswith(key))
        values: dict[str, Sequence[str]] = {"has": HAS, "is": IS}
        values |= dict.fromkeys(("on", "before", "after"), _DATES)
        match key:
            case "from":
                values[key] = self._archive.people()
            case "in":
                values[key] = self._archive.rooms()
            case _:
                pass
        bare = value.lstrip("#@*")
        found = (word for word in values.get(key, ()) if word.startswith(bare) and word != bare)
        return (f"{key}:{word}" for word in islice(found, _MOST_HINTS))

    def action_take(self) -> None:
        """Complete the word before the cursor with the first that is offered."""
        offered = next(self._offers(), None)
        if offered is not None:
            at = self._field.cursor_position
            self._field.replace(offered + ("" if offered.endswith(":") else " "), at - len(self._typed()), at)


def by_room(found: Sequence[Entry]) -> Sequence[Entry]:
    """Return messages, which come newest first, by room: the room with the newest one first."""
    rooms: dict[RoomId, list[Entry]] = {}
    for entry in found:
        rooms.setdefault(entry.room, []).append(entry)
    return [entry for entries in rooms.values() for entry in entries]
