"""The command palette: rooms to open, people to write to, and the client's actions.

Every hit shows Content made by ``safe``; its plain text is what is shown, never raw. ``ParlourApp`` names
these providers.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from parlour_client.ui.safe import join, own, peer_line
from parlour_client.ui.screens.chat import ChatScreen

Choice = tuple[Content, str, Callable[[], object]]
_ACTIONS: Final = (
    ("Search messages", "search"),
    ("Next unread room", "next_unread"),
    ("Show or hide people", "people"),
    ("Newest message", "newest"),
    ("Help", "help"),
)
_COMMANDS: Final = (
    ("Join a public room", "/rooms"),
    ("Leave this room", "/leave"),
    ("I am away", "/away"),
    ("I am back", "/back"),
)


class ChatProvider(Provider):
    """What can be done on the chat screen."""

    def _choices(self) -> Iterator[Choice]:
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
        for words, command in _COMMANDS:
            yield own(words), words, partial(screen.command, command)

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
