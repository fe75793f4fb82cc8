"""The rooms on the screen, and the saved layout.

One pane is in front: it has the focus, keys go to it, and the lists at the sides are about its room. No room
is in two panes, since it has one draft. The layout is kept in the account's archive.
"""

from collections.abc import Callable
from typing import Final

from msgspec import structs
from textual.containers import Horizontal
from textual.signal import Signal
from textual.widget import Widget

from parlour_client.core.archive.saved_preferences import Layout
from parlour_client.core.client import Client
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.member_list import MemberList
from parlour_client.ui.chat.room_list import RoomList
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_protocol.ids import RoomId

_NARROW: Final = 64
"""Columns below which one list or one room fills the screen."""
_WIDTHS: Final = (16, 60)
"""The least and the most columns of a list at the side."""


class Panes:
    """The panes of one screen."""

    def __init__(
        self,
        client: Client,
        place: Horizontal,
        room_list: RoomList,
        member_list: MemberList,
        new_pane: "Callable[[Panes], RoomPane]",
        changed: Callable[[], None],
    ) -> None:
        """Make the first pane; ``changed`` is called after another one came to the front."""
        self._client = client
        self._room_list, self._member_list = room_list, member_list
        self._new_pane, self._changed = new_pane, changed
        self.layout = client.preferences.layout
        """Which rooms are on the screen, and how wide the lists are."""
        self.width = 0
        """Of the terminal, in columns."""
        self.moved = Signal[None](place, "moved")
        """Published when the terminal has another size, another pane is in front, or a room was opened."""
        self.front = new_pane(self)
        """The pane that keys and the lists at the sides are about."""
        self.all = [self.front]
        """From left to right."""

    def show(self, room: RoomId) -> bool:
        """Say whether a pane that can be seen shows the room."""
        return any(pane.current.id == room and pane.display for pane in self.all)

    def resized(self, width: int) -> None:
        """Fit the terminal."""
        self.width = width
        self._fit()
        self.moved.publish(None)

    def add(self) -> RoomPane:
        """Make another pane, behind the one in front; it is not mounted yet."""
        pane = self._new_pane(self)
        pane.current.in_front = False
        self.all.append(pane)
        return pane

    # --- the one in front

    def focus_moved(self, focused: Widget | None) -> None:
        """Bring the pane of a widget to the front; that of a list at the side stays there."""
        pane = next((pane for pane in self.all if focused is not None and pane in focused.ancestors), None)
        if pane is not None:
            self.bring_to_front(pane)

    def bring_to_front(self, pane: RoomPane) -> None:
        """Let keys and the lists at the sides be about this pane."""
        if pane is self.front:
            return
        self.front.current.in_front, pane.current.in_front = False, True
        self.front.view.refresh()
        self.front = pane
        pane.view.refresh()
        pane.members.come_to_front()
        self.save()
        self._changed()

    def turn_to(self, room: RoomId, here: CurrentRoom) -> bool:
        """Bring another pane to the front if it shows this room, and say whether one does."""
        pane = next((pane for pane in self.all if pane.current is not here and pane.current.id == room), None)
        if pane is not None:
            self.bring_to_front(pane)
            pane.composing.focus()
        return pane is not None

    # --- the layout

    def save(self) -> None:
        """Store which room is open."""
        self.moved.publish(None)
        room = self.front.current.id
        if room is not None:
            self.front.interaction.run(lambda: self._client.preferences.remember_open(room), group="remember")

    @property
    def shows_people(self) -> bool | None:
        """Whether the list of members is shown; None: where there is space."""
        return self.layout.people

    def widen(self, which: Widget | None, step: int) -> None:
        """Make a list at the side wider or narrower."""
        if which is None:
            return
        least, most = _WIDTHS
        if which is self._room_list:
            self.change(rooms_width=max(least, min(most, which.size.width + 1 + step)))
        elif which is self._member_list:
            self.change(people_width=max(least, min(most, which.size.width + 2 + step)))
        self._fit()

    def _fit(self) -> None:
        wide = self.width >= _NARROW
        for side, width in (
            (self._room_list, self.layout.rooms_width),
            (self._member_list, self.layout.people_width),
        ):
            side.styles.width = width if wide and width else None

    def change(self, **what: object) -> None:
        """Store another layout."""
        layout: Layout = structs.replace(self.layout, **what)
        if layout != self.layout:
            self.layout = layout
            self.front.interaction.run(lambda: self._client.preferences.save_layout(layout), group="layout")
