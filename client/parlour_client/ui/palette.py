"""The command palette: rooms to open, people to write to, every command, every setting, every account.

Every hit shows Content made by ``safe``; its plain text is the displayed text, never raw.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.command import CommandInput, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip

from parlour_client.commands.front import Front
from parlour_client.commands.table import names
from parlour_client.core.settings import TABLE
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import in_pieces
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.screen import ChatScreen

Choice = tuple[Content, str, Callable[[], object]]
_ACTIONS: Final = (
    ("Search messages", "search"),
    ("Next unread room", "next_unread"),
    ("Show or hide people", "people"),
    ("Newest message", "newest"),
    ("Help", "help"),
)


class _CommandField(CommandInput, Field):  # in this order: Textual uses the styles of the first one
    """The input of the palette: keys that arrive in one piece are processed in order."""


class Palette(CommandPalette):
    """Textual's palette over a chat that it must not move."""

    def compose(self) -> ComposeResult:
        """Compose Textual's, with our input."""
        for part in super().compose():
            if isinstance(part, CommandInput):
                part = _CommandField(placeholder=part.placeholder, select_on_focus=False)  # noqa: PLW2901
            yield part

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close once, like every ``Overlay``."""
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each piece of the screen below anchored to its columns."""
        return in_pieces(super().render_lines(crop), self.region.x + crop.x)


class Everything(Provider):
    """Everything in one order: chat actions first, settings last."""

    def _choices(self) -> Iterator[Choice]:
        if isinstance(self.screen, ChatScreen):
            yield from in_chat(self.screen)
        if isinstance(self.app, SettingsApp):
            yield from in_app(self.app)

    async def discover(self) -> Hits:
        """Offer everything."""
        for shown, plain, do in self._choices():
            yield DiscoveryHit(shown, do, text=plain)

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for shown, plain, do in self._choices():
            score = matcher.match(shown.plain)
            if score > 0:
                yield Hit(score, shown, do, text=plain)


def in_app(app: SettingsApp) -> Iterator[Choice]:
    """Yield each setting, and each account to switch to."""
    for name in app.other_accounts():
        shown = join(own("Switch to account "), peer_line(name, style="bold"))
        yield shown, shown.plain, partial(app.run_action, f"app.account({name!r})")
    for row in TABLE:
        shown = join(own(f"Setting: {row.key}", "bold"), own(f"  {row.help}", "dim"))
        yield shown, shown.plain, partial(app.run_action, f"app.settings({row.key!r})")


def in_chat(screen: ChatScreen) -> Iterator[Choice]:
    """Yield rooms, people, actions and commands."""
    for room in screen.client.rooms.all:
        title = peer_line(room.title, style="bold")
        unread = own(f"  {room.unread} unread" if room.unread else "", "dim")
        yield join(own("Go to "), title, unread), title.plain, partial(screen.navigation.go_to, room.id)
    for person in screen.composer.people:
        name = peer_line(person, style="bold")
        write = partial(screen.commands.run_soon, f"/dm {person}")
        yield join(own("Message "), name), name.plain, write
    for words, action in _ACTIONS:
        yield own(words), words, partial(screen.run_action, action)
    for word, command in names(Front.UI).items():
        usage = command.usage(Front.UI)
        needs = usage.removeprefix(f"/{word}").strip()
        do = screen.commands.run_soon
        if needs and not needs.startswith("["):  # then it is put into the composer, to be completed
            do = screen.composing.begin_command
        yield join(own(usage, "bold"), own(f"  {command.help}", "dim")), usage, partial(do, f"/{word}")
