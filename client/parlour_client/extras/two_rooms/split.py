"""The second pane of the chat screen: when there is one, and which room it shows."""

from typing import Any, Final

from textual.screen import Screen

from parlour_client.commands.find import find_room
from parlour_client.commands.front import Front
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.ui.chat.panes import WIDE_ENOUGH
from parlour_client.ui.chat.room_list import by_recency
from parlour_client.ui.chat.screen import ChatScreen

_NO_OTHER: Final = N_("There is no other room to show beside this one.")


class Split:
    """The panes of one screen, of which there are one or two."""

    def __init__(self, screen: Screen[Any]) -> None:
        assert isinstance(screen, ChatScreen)  # noqa: S101 - no other screen has panes
        self._chat, self._panes, self._client = screen, screen.panes, screen.client

    def watch(self) -> None:
        """Bring a saved second room back where there is space."""
        self._panes.moved.unsubscribe(self._chat)
        self._panes.moved.subscribe(self._chat, lambda _: self._moved(), immediate=True)
        self._moved()

    def _moved(self) -> None:
        other, beside = self._panes.other_room, self._panes.layout.beside
        if other is not None:
            if other.current.id is not None:
                self._panes.change(beside=other.current.id)
        elif beside is not None and self._panes.width >= WIDE_ENOUGH:
            if self._client.rooms.get(beside) is not None and beside != self._panes.front.current.id:
                self._panes.add_room(beside)
            else:
                self._panes.change(beside=None)

    def toggle(self) -> None:
        """Show two rooms side by side, or one again; a refusal is shown."""
        self._chat.pane.commands.run_soon("/split")

    def split(self, name: str) -> None:
        """Show a room beside the one in front, or without a name go back to one. Raises SetupError.

        A thread that stood there is closed.
        """
        wanted = find_room(self._client, Front.UI, name).id if name else None
        other, here = self._panes.other_room, self._panes.front.current.id
        if wanted is None and other is not None and self._panes.thread is None:
            self._panes.remove_room(other)
            self._panes.change(beside=None)
            return
        if self._panes.width < WIDE_ENOUGH:
            words = _("Two rooms side by side need a terminal of {columns} columns.")
            raise SetupError(words.format(columns=WIDE_ENOUGH))
        others = [room for room in self._client.rooms.all if room.id != here and not room.request]
        recent = by_recency(others, self._client.preferences.recent_rooms, here)
        room = wanted or (recent[0].id if recent else None)
        if room is None or room == here:
            raise SetupError(_(_NO_OTHER))
        self._panes.close_thread()
        if other is None:
            self._panes.add_room(room)
            self.watch()
        elif wanted is not None:
            other.navigation.go_to(room)
        self._panes.change(beside=room)
