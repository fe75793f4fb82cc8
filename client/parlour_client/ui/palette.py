"""The command palette: rooms to open, people to write to, every command, every setting, every account.

Every hit shows Content made by ``safe``; its plain text is what is shown, never raw. ``ParlourApp`` names
these providers.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from textual.app import ComposeResult
from textual.command import CommandInput, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from parlour_client.core.settings import TABLE
from parlour_client.ui.app_settings import Preferring
from parlour_client.ui.chat.command_table import COMMANDS
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.overlay import Veiled
from parlour_client.ui.input.key_ordering import Field
from parlour_client.ui.safe import join, own, peer_line

Choice = tuple[Content, str, Callable[[], object]]
_ACTIONS: Final = (
    ("Search messages", "search"),
    ("Next unread room", "next_unread"),
    ("Show or hide people", "people"),
    ("Newest message", "newest"),
    ("Help", "help"),
)


class _CommandField(CommandInput, Field):  # in this order: Textual takes the looks of the first one
    """The line that one types in: keys that come in one piece are taken in turn."""


class Palette(Veiled, CommandPalette):
    """Textual's palette over a chat that it must not push about."""

    def compose(self) -> ComposeResult:
        """Make Textual's, with a line of ours."""
        for part in super().compose():
            if isinstance(part, CommandInput):
                part = _CommandField(placeholder=part.placeholder, select_on_focus=False)  # noqa: PLW2901
            yield part


class Choices(Provider):
    """Offers that are searched by what is shown."""

    def choices(self) -> Iterator[Choice]:
        """Yield what there is."""
        raise NotImplementedError

    async def discover(self) -> Hits:
        """Offer everything."""
        for shown, plain, do in self.choices():
            yield DiscoveryHit(shown, do, text=plain)

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for shown, plain, do in self.choices():
            score = matcher.match(shown.plain)
            if score > 0:
                yield Hit(score, shown, do, text=plain)


class AppProvider(Choices):
    """Settings and accounts."""

    def choices(self) -> Iterator[Choice]:
        """Yield each setting, and each account to switch to."""
        app = self.app
        if not isinstance(app, Preferring):
            return
        for name in app.other_accounts():
            shown = join(own("Switch to account "), peer_line(name, style="bold"))
            yield shown, shown.plain, partial(app.action_account, name)
        for row in TABLE:
            shown = join(own(f"Setting: {row.key}", "bold"), own(f"  {row.help}", "dim"))
            yield shown, shown.plain, partial(app.action_settings, row.key)


class ChatProvider(Choices):
    """What can be done on the chat screen."""

    def choices(self) -> Iterator[Choice]:
        """Yield rooms, people, actions and commands."""
        screen = self.screen
        if not isinstance(screen, ChatScreen):
            return
        for room in screen.client.rooms:
            title = peer_line(room.title, style="bold")
            unread = own(f"  {room.unread} unread" if room.unread else "", "dim")
            yield join(own("Go to "), title, unread), title.plain, partial(screen.go_to, room)
        for person in screen.composer.people:
            name = peer_line(person, style="bold")
            yield join(own("Write to "), name), name.plain, partial(screen.command, f"/dm {person}")
        for words, action in _ACTIONS:
            yield own(words), words, partial(screen.run_action, action)
        for command in COMMANDS:
            needs = command.usage and not command.usage.startswith("[")  # then it is written, to be completed
            do = screen.begin_command if needs else screen.command
            shown = join(own(command.line, "bold"), own(f"  {command.help}", "dim"))
            yield shown, command.line, partial(do, f"/{command.name}")


class Everything(Choices):
    """All of it in one order: what one does in a chat first, settings last."""

    def choices(self) -> Iterator[Choice]:
        """Yield rooms, people and commands, then accounts and settings."""
        for part in (ChatProvider, AppProvider):
            yield from part(self.screen).choices()
