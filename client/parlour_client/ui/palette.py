"""The palette: recent rooms first, then people, actions, commands, settings and accounts; typing finds any.

Ctrl+K, to switch rooms, and Ctrl+P open the same list. Enter takes the highlighted row.
Every row is Content made by ``safe``; what is matched is the displayed text, never the raw one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.widgets import OptionList

from parlour_client.commands.front import Front
from parlour_client.commands.table import names
from parlour_client.core.settings import BY_KEY
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import SafeStatic, join, option, own, peer_line
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.room_list import by_recency
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.registry import REGISTRY

MOST_FOUND: Final = 50
_MOST_WAYS: Final = 500
"""In how many ways the letters of a search may be found in a name before it counts as a poor match.

Textual's matcher tries each of them, and anyone can name a room.
"""
_ACTIONS: Final = (
    (N_("Search messages"), "search"),
    (N_("Next unread room"), "next_unread"),
    (N_("Show or hide people"), "people"),
    (N_("Newest message"), "newest"),
    (N_("Help"), "help"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A row of the palette."""

    name: str
    """The name that is matched first: `#garden`, `@bob`, `/kick`."""
    shown: Content
    do: Callable[[], object]
    about: str = ""
    """Further words that find it."""


class Palette(Overlay[Choice | None]):
    """A line to type in, and the list below it."""

    HELP: ClassVar[str | None] = N_(
        "Type a few letters of a room, a person or a command; Up, Down and Enter choose.\n"
        "# finds only rooms, @ people and / commands. Without letters, the room that you were in\n"
        "before comes first."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+k,ctrl+p", "leave", N_("Leave"), id="palette.leave"),
        Binding("down", "move('cursor_down')", N_("Down"), show=False, id="palette.down"),
        Binding("up", "move('cursor_up')", N_("Up"), show=False, id="palette.up"),
        Binding("pagedown", "move('page_down')", N_("Page down"), show=False, id="palette.page_down"),
        Binding("pageup", "move('page_up')", N_("Page up"), show=False, id="palette.page_up"),
    ]

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__(classes="dialog")
        self._choices = choices
        self._found: Sequence[Choice] = ()
        self._field = Field(placeholder=_("Room, person or command"), compact=True)
        self._rows = Choices(led=True)

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(own(_("Go to"), "bold")):
            yield self._field
            yield self._rows
            yield SafeStatic(own(_("Enter: go · Up, Down: choose · Esc: close"), "dim"))

    def on_mount(self) -> None:
        """Show everything."""
        self._find("")

    def on_input_changed(self) -> None:
        """Show what matches."""
        self._find(self._field.value)

    def _find(self, typed: str) -> None:
        self._found = matching(self._choices, typed)
        rows = self._rows
        if self._found:
            rows.set_options([option(choice.shown) for choice in self._found])
            rows.highlighted = 0
        else:
            rows.set_options([option(own(_("Nothing found"), "dim"), disabled=True)])

    def on_input_submitted(self) -> None:
        """Close with the highlighted row."""
        at = self._rows.highlighted
        if at is not None and at < len(self._found):
            _ = self.dismiss(self._found[at])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with a clicked row."""
        _ = self.dismiss(self._found[event.option_index])

    async def action_move(self, where: str) -> None:
        """Move the mark."""
        await self._rows.run_action(where)


def matching(choices: Sequence[Choice], typed: str) -> Sequence[Choice]:
    """Return what matches, best first; rows that match equally well keep their order."""
    query = " ".join(typed.lower().split())
    if not query:
        return choices
    search = FuzzySearch(case_sensitive=False)
    found = []
    for place, choice in enumerate(choices):
        score = _score(search, query, choice)
        if score:
            found.append((-score, place, choice))
    return [choice for *_place, choice in sorted(found, key=lambda scored: scored[:2])[:MOST_FOUND]]


def _score(search: FuzzySearch, query: str, choice: Choice) -> float:
    """Say how well it matches: the beginning of a name, of a word, a part, single letters, other words."""
    name = choice.name.lower()
    bare = name.lstrip("#*@/")
    if name.startswith(query) or bare.startswith(query):
        return 5
    if f" {query}" in f" {bare.replace('-', ' ').replace('_', ' ')}":
        return 4
    if query in name:
        return 3
    letters = query.replace(" ", "")
    ways = 1
    for letter in letters:
        ways *= name.count(letter)
    if 0 < ways <= _MOST_WAYS:
        score, places = search.match(letters, name)
        if score and (places[0] == 0 or not name[places[0] - 1].isalnum()):
            return 1 + min(1.0, score / (4 * len(letters)))
    about = f" {name} {choice.about.lower()}"
    return 0.5 if all(f" {word}" in about for word in query.split()) else 0


# --- what there is to choose from


def everything(app: SettingsApp, screen: ChatScreen | None) -> Iterator[Choice]:
    """Yield everything in one order: recent rooms first, settings last."""
    if screen is not None:
        yield from _in_chat(screen)
    for name in app.other_accounts():
        shown = join(own(_("Switch to account ")), peer_line(name, style="bold"))
        yield Choice(shown.plain, shown, partial(app.run_action, f"app.account({name!r})"))
    for row in BY_KEY.values():
        title = f"{_('Setting:')} {row.key}"
        shown = join(own(title, "bold"), own(f"  {_(row.help)}", "dim"))
        do: Callable[[], object] = partial(app.run_action, f"app.settings({row.key!r})")
        if row.key in REGISTRY.choosers:
            do = partial(REGISTRY.choosers[row.key], app, lambda: None)
        yield Choice(title, shown, do, row.help)


def _in_chat(screen: ChatScreen) -> Iterator[Choice]:
    """Yield rooms, people, actions and commands."""
    client = screen.client
    keys = {
        active.binding.id: screen.app.get_key_display(active.binding)
        for active in screen.active_bindings.values()
    }
    for room in by_recency(client.rooms.all, client.preferences.recent_rooms, screen.pane.current.id):
        title = room.title if room.peer is not None else f"#{room.title}"
        count = own(f"{'@' if room.mentions else ' '}{min(room.unread, 999) or '':>3} ", "bold $text-accent")
        notes = [_("open")] if room.id == screen.pane.current.id else []
        notes += [_("muted")] if room.muted else []
        notes += filter(None, [keys.get(f"chat.to_room_{room.number}")])
        shown = join(count, peer_line(title, style="bold"), own("  " + " · ".join(notes), "dim"))
        yield Choice(peer_line(title).plain, shown, partial(screen.pane.navigation.go_to, room.id))
    direct = {room.peer for room in client.rooms.all}
    for person in screen.pane.composer.people:
        if person not in direct:
            name = peer_line(f"@{person}", style="bold")
            write = partial(screen.pane.commands.run_soon, f"/dm {person}")
            yield Choice(name.plain, join(own("     "), name, own("  " + _("new direct room"), "dim")), write)
    for words, action in _ACTIONS:
        yield Choice(_(words), join(own("     "), own(_(words))), partial(screen.run_action, action))
    for word, command in names(Front.UI).items():
        usage = command.usage(Front.UI)
        needs = usage.removeprefix(f"/{word}").strip()
        do = screen.pane.commands.run_soon
        if needs and not needs.startswith("["):  # then it is put into the composer, to be completed
            do = screen.pane.composing.begin_command
        help_ = _(command.help)
        shown = join(own(f"     {usage}", "bold"), own(f"  {help_}", "dim"))
        yield Choice(f"/{word}", shown, partial(do, f"/{word}"), f"{usage} {help_}")
