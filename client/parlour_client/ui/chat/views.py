"""Views: search, mentions, unread, starred, pins, earlier texts, the outbox.

None marks anything as read; going to a message from one is a peek. Esc at a message that was found returns to
the results.
"""

from collections.abc import Callable, Sequence
from functools import partial

from textual.content import Content

from parlour_client.commands.results import MessagesFound
from parlour_client.core.model import Entry, Version, display_name
from parlour_client.kit.answers import Harmless
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.language import _
from parlour_client.kit.widgets.box import quoted
from parlour_client.kit.widgets.safe import lines, own, peer, peer_line
from parlour_client.text.date_text import clock, day
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.outbox import OutboxScreen
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.people import People
from parlour_client.ui.chat.pins import PinsScreen
from parlour_client.ui.chat.room_list import SIGNS
from parlour_client.ui.chat.search import MOST_FOUND, Archive, Chosen, Results, SearchScreen
from parlour_client.ui.dialogs.message_list import head_of
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


class Views:
    """Opens the views of one screen."""

    def __init__(
        self,
        pane: Pane,
        navigation: Navigation,
        composing: ComposerController,
    ) -> None:
        self._client, self._interaction, self._navigation = pane.client, pane.interaction, navigation
        self._composing = composing
        self._pane = pane
        self._found: Chosen | None = None
        """Where the person went from the results of a search."""
        self.now = SystemClock().now
        self.people = People(pane, navigation, composing, search=self.search, go=self.go)

    def search(self, words: str = "", found: MessagesFound | None = None) -> None:
        """Open the search; with ``found`` if the results are known already."""
        known = None if found is None else Results(words, found.entries, more=found.more)
        self._search(SearchScreen(self._archive(), words, known))

    def return_to_results(self) -> bool:
        """Show the results again, if the person is still at the message that they chose there."""
        found, self._found = self._found, None
        selected = self._pane.timeline.selected
        if found is None or selected is None or not self._pane.timeline.has_focus:
            return False
        if (selected.room, selected.seq) != (found.entry.room, found.entry.seq):
            return False
        self._search(SearchScreen(self._archive(), found=found.results))
        return True

    def _search(self, screen: SearchScreen) -> None:
        def answered(chosen: Chosen | None) -> None:
            self._found = chosen
            if chosen is not None:
                self.go(chosen.entry)
                self._interaction.say(_("Esc: back to the results"))

        self._interaction.push(screen, answered)

    def _archive(self) -> Archive:
        client = self._client

        def name(of: RoomId) -> str:
            room = client.rooms.get(of)
            return f"{SIGNS[room.kind]}{room.title}" if room is not None else _("a room you left")

        return Archive(
            find=partial(client.history.search, limit=MOST_FOUND + 1),
            around=client.history.around,
            room_name=name,
            now=self.now,
            people=lambda: list(self._pane.composer.people),
            rooms=lambda: [room.title.lstrip("@") for room in client.rooms.all],
        )

    def go(self, entry: Entry | None) -> None:
        """Go to a message in its room; nothing is marked as read."""
        if entry is not None and (seq := entry.seq) is not None:
            self._navigation.go_to_message(entry.room, seq)

    def outbox(self) -> None:
        """Show outgoing messages."""
        self._interaction.push(OutboxScreen(self._client, self._interaction, self._composing.cancel))

    def show_pins(self, pinned: Sequence[Entry]) -> None:
        """Show a room's pinned messages."""

        def unpin(entry: Entry, unpinned: Callable[[], None]) -> None:
            async def do(seq: Seq) -> None:
                await self._client.messages.pin(entry.room, seq, on=False)
                unpinned()

            if (seq := entry.seq) is not None:
                question = lines(own(_("Unpin this message for everyone?"), "bold"), head_of(entry))
                self._interaction.confirm(question, Harmless(), lambda: do(seq))

        self._interaction.push(PinsScreen(pinned, self.now, unpin), self.go)

    def show_versions(self, entry: Entry, versions: Sequence[Version]) -> None:
        """Show the earlier versions of a message."""
        self._interaction.push(_history_page(entry, versions))


def _history_page(entry: Entry, versions: Sequence[Version]) -> Page:
    """Return the page with all texts that a message had."""
    author = display_name(entry.author)
    title = peer_line(_("Edit history of a message by {author}").format(author=author), style="bold")
    parts = list[Content]()
    for number, version in enumerate(versions, 1):
        edit = _("edit {number}").format(number=number - 1)
        name = _("first") if number == 1 else _("now") if number == len(versions) else edit
        parts += [own(f"{name}  {day(version.at)} {clock(version.at)}", "bold"), quoted(peer(version.text))]
    if len(versions) < 2:  # noqa: PLR2004 - a first text and no other
        parts.append(own(_("Never edited, as far as this device knows."), "dim"))
    return Page(title, lines(*parts))
