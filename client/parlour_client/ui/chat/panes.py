"""The rooms side by side on the screen: one, or two where the terminal is wide enough; and the saved layout.

One pane is in front: it has the focus, keys go to it, and the lists at the sides are about its room. No room
is in both panes, since it has one draft. The layout is kept in the account's archive.
"""

from collections.abc import Callable
from typing import Final

from msgspec import structs
from textual.containers import Horizontal
from textual.widget import Widget

from parlour_client.core.archive.saved_preferences import Layout
from parlour_client.core.client import Client
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.member_list import MemberList
from parlour_client.ui.chat.room_list import RoomList, by_recency
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_protocol.ids import RoomId

WIDE_ENOUGH: Final = 160
"""Columns from which on two rooms fit side by side."""
_NARROW: Final = 64
"""Columns below which one list or one room fills the screen."""
_WIDTHS: Final = (16, 60)
"""The least and the most columns of a list at the side."""
_NO_OTHER: Final = N_("There is no other room to show beside this one.")


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
        self._client, self._place = client, place
        self._room_list, self._member_list = room_list, member_list
        self._new_pane, self._changed = new_pane, changed
        self._layout = client.preferences.layout
        self._width = 0
        self.front = new_pane(self)
        """The pane that keys and the lists at the sides are about."""
        self.all = [self.front]
        """From left to right."""

    @property
    def back(self) -> RoomPane | None:
        """The other pane."""
        return next((pane for pane in self.all if pane is not self.front), None)

    def show(self, room: RoomId) -> bool:
        """Say whether a pane that can be seen shows the room."""
        return any(pane.current.id == room and pane.display for pane in self.all)

    # --- two rooms or one

    def resized(self, width: int) -> None:
        """Fit the terminal: bring a saved second room back where there is space, and hide it where not."""
        self._width = width
        self._fit()
        beside = self._layout.beside
        if beside is not None and len(self.all) == 1 and self._place.is_attached and width >= WIDE_ENOUGH:
            if self._client.rooms.get(beside) is not None and beside != self.front.current.id:
                self._add(beside)
            else:
                self._change(beside=None)

    def split(self, wanted: RoomId | None = None) -> None:
        """Show a room beside the one in front, or without a room go back to one. Raises SetupError."""
        back = self.back
        if wanted is None and back is not None:
            self._remove(back)
            return
        if self._width < WIDE_ENOUGH:
            words = _("Two rooms side by side need a terminal of {columns} columns.")
            raise SetupError(words.format(columns=WIDE_ENOUGH))
        here = self.front.current.id
        others = [room for room in self._client.rooms.all if room.id != here and not room.request]
        recent = by_recency(others, self._client.preferences.recent_rooms, here)
        room = wanted or (recent[0].id if recent else None)
        if room is None or room == here:
            raise SetupError(_(_NO_OTHER))
        if back is not None:
            back.navigation.go_to(room)
        else:
            self._add(room)
        self._change(beside=room)

    def _add(self, room: RoomId) -> None:
        pane = self._new_pane(self)
        pane.current.in_front = False
        self.all.append(pane)
        self._mark()

        async def show() -> None:
            await self._place.mount(pane, after=self.front)
            await pane.navigation.open(room)

        self.front.interaction.run(show, group="open")

    def _remove(self, pane: RoomPane) -> None:
        self.all.remove(pane)
        self._mark()
        self._change(beside=None)

        async def close() -> None:
            await pane.composing.drafts.leave(pane.composer.text)
            await pane.remove()

        self.front.interaction.run(close, group="close")

    # --- the one in front

    def other(self) -> None:
        """Bring the other pane to the front."""
        if self.back is not None:
            self.bring_to_front(self.back)
            self.front.composing.focus()

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
        self._mark()
        pane.view.refresh()
        pane.members.come_to_front()
        self.save()
        self._changed()

    def turn_to(self, room: RoomId, here: CurrentRoom) -> bool:
        """Bring the other pane to the front if it shows this room, and say whether it does."""
        pane = next((pane for pane in self.all if pane.current is not here and pane.current.id == room), None)
        if pane is not None:
            self.bring_to_front(pane)
            pane.composing.focus()
        return pane is not None

    def _mark(self) -> None:
        for pane in self.all:
            pane.set_class(len(self.all) > 1, "-beside")
            pane.set_class(pane is not self.front, "-back")
            pane.set_class(pane is not self.all[0], "-right")
            pane.set_class(self._width >= WIDE_ENOUGH, "-fits")

    # --- the layout

    def save(self) -> None:
        """Store which rooms are side by side."""
        back = self.back
        if back is not None:
            self._change(beside=back.current.id)
        room = self.front.current.id
        if room is not None:
            self.front.interaction.run(lambda: self._client.preferences.remember_open(room), group="remember")

    def show_people(self, shows: bool | None) -> None:  # noqa: FBT001 - a value of the layout
        """Store whether the list of members is shown."""
        self._change(people=shows)

    @property
    def shows_people(self) -> bool | None:
        """Whether the list of members is shown; None: where there is space."""
        return self._layout.people

    def widen(self, which: Widget | None, step: int) -> None:
        """Make a list at the side wider or narrower."""
        if which is None:
            return
        least, most = _WIDTHS
        if which is self._room_list:
            self._change(rooms_width=max(least, min(most, which.size.width + 1 + step)))
        elif which is self._member_list:
            self._change(people_width=max(least, min(most, which.size.width + 2 + step)))
        self._fit()

    def _fit(self) -> None:
        wide = self._width >= _NARROW
        for side, width in (
            (self._room_list, self._layout.rooms_width),
            (self._member_list, self._layout.people_width),
        ):
            side.styles.width = width if wide and width else None
        self._mark()

    def _change(self, **what: object) -> None:
        layout: Layout = structs.replace(self._layout, **what)
        if layout != self._layout:
            self._layout = layout
            self.front.interaction.run(lambda: self._client.preferences.save_layout(layout), group="layout")
