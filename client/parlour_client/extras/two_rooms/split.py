"""The second pane of the chat screen: when there is one, and which room it shows."""

from typing import Any, Final

from textual.screen import Screen

from parlour_client.commands.find import find_room
from parlour_client.commands.front import Front
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.ui.chat.room_list import by_recency
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.ids import RoomId

WIDE_ENOUGH: Final = 160
"""Columns from which on two rooms fit side by side."""
_NO_OTHER: Final = N_("There is no other room to show beside this one.")


class Split:
    """The panes of one screen, of which there are one or two."""

    def __init__(self, screen: Screen[Any]) -> None:
        assert isinstance(screen, ChatScreen)  # noqa: S101 - no other screen has panes
        self._chat, self._panes, self._client = screen, screen.panes, screen.client

    def watch(self) -> None:
        """Bring a saved second room back where there is space, and hide it where there is none."""
        self._panes.moved.unsubscribe(self._chat)
        self._panes.moved.subscribe(self._chat, lambda _: self._moved(), immediate=True)
        self._moved()

    def _moved(self) -> None:
        self._mark()
        back, beside = self._back, self._panes.layout.beside
        if back is not None:
            if back.current.id is not None:
                self._panes.change(beside=back.current.id)
        elif beside is not None and self._panes.width >= WIDE_ENOUGH:
            if self._client.rooms.get(beside) is not None and beside != self._panes.front.current.id:
                self._add(beside)
            else:
                self._panes.change(beside=None)

    @property
    def _back(self) -> RoomPane | None:
        return next((pane for pane in self._panes.all if pane is not self._panes.front), None)

    def toggle(self) -> None:
        """Show two rooms side by side, or one again; a refusal is shown."""
        self._chat.pane.commands.run_soon("/split")

    def split(self, name: str) -> None:
        """Show a room beside the one in front, or without a name go back to one. Raises SetupError."""
        wanted = find_room(self._client, Front.UI, name).id if name else None
        back = self._back
        if wanted is None and back is not None:
            self._remove(back)
            return
        if self._panes.width < WIDE_ENOUGH:
            words = _("Two rooms side by side need a terminal of {columns} columns.")
            raise SetupError(words.format(columns=WIDE_ENOUGH))
        here = self._panes.front.current.id
        others = [room for room in self._client.rooms.all if room.id != here and not room.request]
        recent = by_recency(others, self._client.preferences.recent_rooms, here)
        room = wanted or (recent[0].id if recent else None)
        if room is None or room == here:
            raise SetupError(_(_NO_OTHER))
        if back is not None:
            back.navigation.go_to(room)
        else:
            self._add(room)
            self.watch()
        self._panes.change(beside=room)

    def other(self) -> None:
        """Write in the room beside this one."""
        if (back := self._back) is not None:
            self._panes.bring_to_front(back)
            back.composing.focus()

    def _add(self, room: RoomId) -> None:
        front, pane = self._panes.front, self._panes.add()
        self._mark()

        async def show() -> None:
            await self._chat.query_one("#panes").mount(pane, after=front)
            await pane.navigation.open(room)

        front.interaction.run(show, group="open")

    def _remove(self, pane: RoomPane) -> None:
        self._panes.all.remove(pane)
        self._mark()
        self._panes.change(beside=None)

        async def close() -> None:
            await pane.composing.drafts.leave(pane.composer.text)
            await pane.remove()

        self._panes.front.interaction.run(close, group="close")

    def _mark(self) -> None:
        panes = self._panes.all
        for pane in panes:
            pane.set_class(len(panes) > 1, "-beside")
            pane.set_class(pane is not self._panes.front, "-back")
            pane.set_class(pane is not panes[0], "-right")
            pane.set_class(self._panes.width >= WIDE_ENOUGH, "-fits")
