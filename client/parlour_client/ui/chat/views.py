"""Views: search, mentions, unread, starred, pins, threads, earlier texts, the outbox.

None marks anything as read; going to a message from one is a peek.
"""

from collections.abc import Callable, Sequence
from functools import partial

from parlour_client.commands.results import MessagesFound
from parlour_client.core.model import Entry, Version
from parlour_client.kit.answers import Harmless
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import lines, own
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.outbox import OutboxScreen
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.people import People
from parlour_client.ui.chat.pins import PinsScreen
from parlour_client.ui.chat.search import MOST_FOUND, Archive, SearchScreen
from parlour_client.ui.chat.thread import history_page
from parlour_client.ui.dialogs.message_list import head_of
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
        self.people = People(pane, navigation, composing, search=self.search, go=self.go)

    def search(self, words: str = "", found: MessagesFound | None = None) -> None:
        """Open the search; with ``found`` if the results are known already."""

        def name(entry: Entry) -> str:
            room = self._client.rooms.get(entry.room)
            return room.title if room is not None else _("a room you left")

        find = partial(self._client.history.search, limit=MOST_FOUND + 1)
        archive = Archive(find, self._client.history.around, name)
        self._interaction.push(SearchScreen(archive, words, found), self.go)

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

        self._interaction.push(PinsScreen(pinned, unpin), self.go)

    def show_versions(self, entry: Entry | None, versions: Sequence[Version]) -> None:
        """Show the earlier versions of a message."""
        if entry is not None:
            self._interaction.push(history_page(entry, tuple(versions)))
