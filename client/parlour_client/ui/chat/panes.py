"""The rooms on the screen, a thread beside its room, and the saved layout.

One pane is in front: it has the focus, keys go to it, and the lists at the sides are about its room. No room
is in two panes, since it has one draft. At most two panes are seen, and only the one in front where there is
no space: a thread is then over its room, else on the right of it, in the place of a second room. The layout
is kept in the account's archive.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import structs
from textual.containers import Horizontal
from textual.signal import Signal
from textual.widget import Widget
from textual.worker import WorkerError

from parlour_client.core.archive.saved_preferences import Layout
from parlour_client.core.client import Client
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.initiative import may_move
from parlour_client.ui.chat.member_list import MemberList
from parlour_client.ui.chat.pane import Around
from parlour_client.ui.chat.room_list import RoomList
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import RoomKind

_NARROW: Final = 64
"""Columns below which one list or one room fills the screen."""
_BESIDE: Final = 100
"""Columns from which on people are beside the room; with fewer they are in its place for a while."""
_BY_ITSELF: Final = 120
"""Columns from which on people are shown without being asked for."""
WIDE_ENOUGH: Final = 160
"""Columns from which on two panes fit side by side."""
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
        new_pane: "Callable[[Panes, RoomPane | None, Seq | None], RoomPane]",
        changed: Callable[[], None],
    ) -> None:
        """Make the first pane; ``changed`` is called after another one came to the front.

        ``new_pane`` gets the pane of a room and a message if it is for that thread.
        """
        self._client, self._place = client, place
        self._room_list, self._member_list = room_list, member_list
        self._new_pane, self._changed = new_pane, changed
        self.layout = client.preferences.layout
        """Which rooms are on the screen, and how wide the lists are."""
        self.width = 0
        """Of the terminal, in columns."""
        self._covered = False  # by the people, where both do not fit
        self.moved = Signal[None](place, "moved")
        """Published when the terminal has another size, another pane is in front, or a room was opened."""
        self.around = Around(
            turn_to=self._turn_to,
            come_to_front=lambda here: self.bring_to_front(self._of(here)),
            open_thread=lambda here, message: self._open_thread(self._of(here), message),
            leave_thread=self._leave_thread,
            composer_of=self._composer_of,
            writing=asyncio.Lock(),
            save_layout=self.save,
        )
        """What the panes ask of each other."""
        self.front = new_pane(self, None, None)
        """The pane that keys and the lists at the sides are about."""
        self.rooms = [self.front]
        """Those that show all of a room, from left to right."""
        self.thread: RoomPane | None = None
        """The one that shows a thread."""
        self._focused_before: Widget | None = None
        """What had the focus before the thread."""

    @property
    def all(self) -> list[RoomPane]:
        """The panes of rooms, and that of a thread."""
        return self.rooms if self.thread is None else [*self.rooms, self.thread]

    def show(self, room: RoomId) -> bool:
        """Say whether a pane that can be seen shows the room."""
        return any(pane.current.id == room and pane.display for pane in self.rooms)

    def resized(self, width: int) -> None:
        """Fit the terminal."""
        self.width = width
        self._covered = self._covered and width < _BESIDE
        self._fit()
        self._place_panes()
        self.moved.publish(None)

    # --- more than one

    @property
    def room_in_front(self) -> RoomPane:
        """The pane in front, or that of the room of which a thread is in front."""
        return self.front.beside or self.front

    @property
    def room_of_thread(self) -> RoomPane | None:
        """The pane of the room of which a thread is shown."""
        return self.thread.beside if self.thread is not None else None

    @property
    def other_room(self) -> RoomPane | None:
        """The pane of another room than the one in front."""
        return next((pane for pane in self.rooms if pane is not self.room_in_front), None)

    @property
    def across(self) -> RoomPane | None:
        """The pane beside the one in front: of the thread's room, of the thread, or of another room."""
        if self.thread is None:
            return self.other_room
        return self.room_of_thread if self.front is self.thread else self.thread

    def go_across(self) -> None:
        """Write in the pane beside this one."""
        if (pane := self.across) is not None:
            self.bring_to_front(pane)
            pane.composing.focus()

    def add_room(self, room: RoomId) -> None:
        """Show a second room, behind the one in front."""
        first, pane = self.rooms[0], self._new_pane(self, None, None)
        pane.current.in_front = False
        self.rooms.append(pane)
        self._place_panes()

        async def show() -> None:
            await self._place.mount(pane, after=first)
            await pane.navigation.open(room)

        self.front.interaction.run(show, group="open")

    def remove_room(self, pane: RoomPane) -> None:
        """Remove the pane of a room that is not in front."""
        if self.room_of_thread is pane:
            self.close_thread()
        self.rooms.remove(pane)
        self._end(pane)

    def _of(self, here: CurrentRoom) -> RoomPane:
        return next((pane for pane in self.all if pane.current is here), self.front)

    async def _open_thread(self, here: RoomPane, message: Seq) -> None:
        room, shown = here.beside or here, here.current.id
        if self.thread is not None and (self.thread.beside is not room or not self.thread.has(message)):
            self.close_thread()
        if self.thread is None and shown is not None:
            self.thread = pane = self._new_pane(self, room, message)
            pane.current.in_front = False
            self._place_panes()
            await self._place.mount(pane, after=room)
            if self.thread is pane:
                pane.begin_thread(shown)
        if self.thread is not None and may_move(self._place.app):
            self.bring_to_front(self.thread)
            self.thread.composing.focus()

    def close_thread(self) -> None:
        """Close the thread; its room has the focus again, where it was, and the draft is kept."""
        pane, self.thread = self.thread, None
        if pane is None or pane.beside is None:
            return
        if self.front is pane:
            self.bring_to_front(pane.beside)
            pane.beside.focus_again(self._focused_before)
        self._end(pane)

    def _leave_thread(self, here: CurrentRoom) -> None:
        if any(pane is not None and pane.current is here for pane in (self.thread, self.room_of_thread)):
            self.close_thread()

    def _composer_of(self, room: RoomId, thread: Seq | None) -> Composer | None:
        return next((pane.composer for pane in self.all if pane.has_draft(room, thread)), None)

    def _end(self, pane: RoomPane) -> None:
        """Remove a pane from the screen; what it still sends is sent first."""
        saved = pane.composing.drafts.leave(pane.composer.text)
        pane.display = False
        self._place_panes()

        async def close() -> None:
            await saved
            for worker in [worker for worker in pane.workers if worker.node is pane]:
                with suppress(WorkerError):  # it was shown there
                    await worker.wait()
            await pane.remove()

        self.room_in_front.interaction.run(close, group="close")

    def _place_panes(self) -> None:
        """Show the panes for which there is space, with what tells them from each other."""
        thread = self.thread
        beside = self.rooms if thread is None or thread.beside is None else [thread.beside, thread]
        fit = self.width >= WIDE_ENOUGH
        self._place.screen.set_class(thread is not None, "-thread")
        for pane in self.all:
            seen = pane in beside
            pane.set_class(pane is not self.front, "-back")
            pane.set_class(seen and pane is not beside[0], "-right")
            pane.set_class(seen and fit, "-fits")
            pane.show_across(self.across if pane is self.front else None)
        self.place_people()

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
        if pane is self.thread:
            self._focused_before = self._place.screen.focused
        self.front.current.in_front, pane.current.in_front = False, True
        self.front.view.refresh()
        self.front = pane
        pane.view.refresh()
        pane.members.come_to_front()
        self._place_panes()
        self.save()
        self._changed()

    def _turn_to(self, room: RoomId, here: CurrentRoom) -> bool:
        pane = next(
            (pane for pane in self.rooms if pane.current is not here and pane.current.id == room), None
        )
        if pane is not None:
            self.close_thread()
            self.bring_to_front(pane)
            pane.composing.focus()
        return pane is not None

    # --- the layout

    def save(self, peek: bool = False) -> None:  # noqa: FBT001, FBT002 - a fact about it
        """Store which room is open, unless it was only looked at."""
        self.moved.publish(None)
        self.place_people()
        room = self.front.current.id
        if room is not None and not peek:
            self.front.interaction.run(lambda: self._client.preferences.remember_open(room), group="remember")

    @property
    def shows_people(self) -> bool:
        """Whether the list of members is on the screen."""
        if self.width < _BESIDE:
            return self._covered
        return self._people_by_themselves if self.layout.people is None else self.layout.people

    @property
    def _people_by_themselves(self) -> bool:
        """Whether the list is there unasked: not in direct rooms, nor beside a second pane."""
        room = self.front.current.room
        direct = room is not None and room.kind is RoomKind.DIRECT
        beside = len(self.rooms) > 1 and self.width >= WIDE_ENOUGH
        return self.width >= _BY_ITSELF and not (direct or beside or self.thread is not None)

    def place_people(self) -> None:
        """Have the list of members on the screen, or not."""
        self._place.screen.set_class(self.shows_people, "-people")

    def show_people(self, on: bool) -> None:  # noqa: FBT001 - what is shown or not
        """Show the list of members, or hide it; where both do not fit, in the place of the room."""
        if self.width < _BESIDE:
            self._covered = on
        else:
            self.change(people=None if on == self._people_by_themselves else on)
        self.place_people()

    def uncover(self) -> None:
        """Show the room again, where the people are in its place."""
        self._covered = False
        self.place_people()

    def widen(self, which: Widget | None, step: int) -> None:
        """Make a list at the side wider or narrower."""
        if which is None:
            return
        least, most = _WIDTHS
        if which is self._room_list:
            self.change(rooms_width=max(least, min(most, which.size.width + 1 + step)))
        elif which is self._member_list:
            self.change(people_width=max(least, min(most, which.size.width + 1 + step)))
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
