"""Opens rooms: each method is for a key of the person, and for what it began.

Only ``Navigation`` changes which room is open, and only for the last thing that the person did: the answer to
an older request is offered. The room requested last wins, however long an earlier one takes to load.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

from parlour_client.core.model import Room
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import filled, own, peer_line
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.member_list import MembersController
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.room_list import ORDERS, RoomAction, next_unread
from parlour_client.ui.chat.room_view import RoomView
from parlour_client.ui.chat.timeline_controller import TimelineController
from parlour_client.ui.input.keymap import letters_act
from parlour_client.ui.toasts import Toast
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

_SORTED: Final = {
    "number": N_("by number"),
    "name": N_("by name"),
    "recent": N_("newest first"),
    "unread": N_("most unread first"),
}


async def _nothing() -> None:
    """There is nothing to load."""


class Navigation:
    """Opens rooms on one screen."""

    def __init__(
        self,
        pane: Pane,
        composing: ComposerController,
        history: TimelineController,
        members: MembersController,
        view: RoomView,
        of_room: "Navigation | None" = None,
    ) -> None:
        """``of_room`` is that of the pane that shows all of the room, if this one is for a thread."""
        self._pane, self._of_room = pane, of_room
        self._client, self._current, self._interaction = pane.client, pane.current, pane.interaction
        self._empty, self._timeline, self._hint = pane.steps, pane.timeline, pane.hint
        self._composer = pane.composer
        self._composing, self._history, self._members = composing, history, members
        self._view = view

    # --- opening

    async def open(self, room: RoomId, *, peek: bool = False) -> None:
        """Show another room; the draft stays with the old one.

        With ``peek``, or if the settings say so, nothing is marked as read. What was typed behind the command
        that opens it is moved there.
        """
        await self._led_to(room, peek=peek, carry=self._composing.awaits_room)()

    def _led_to(self, room: RoomId, *, peek: bool, carry: bool = False) -> Callable[[], Awaitable[None]]:
        """Turn to a room if the person asked for it last, else offer it. Returns what loads it."""
        load: Callable[[], Awaitable[None]] = _nothing

        def turn() -> None:
            nonlocal load
            load = self._turn_to(room, peek=peek, carry=carry)

        def go_on() -> None:
            taken = self._turn_to(room, peek=peek, carry=self._composing.awaits_room)
            self._interaction.run(taken, group="open")

        known = self._client.rooms.get(room)
        title = own(_("The room")) if known is None else peer_line(known.title, style="bold")
        self._interaction.lead(turn, filled(_("{room} is open"), room=title), room=go_on)
        return load

    def _turn_to(self, room: RoomId, *, peek: bool, carry: bool = False) -> Callable[[], Awaitable[None]]:
        """Turn to a room at once: the next key belongs to it. Returns what loads it.

        A thread never does: the pane that shows its room turns, and the thread is closed.
        """
        if self._pane.around.turn_to(room, self._current):
            return _nothing
        brought = self._composing.take_text() if self._of_room is not None and carry else ""
        self._pane.around.leave_thread(self._current)
        if self._of_room is not None:
            return self._of_room.begin(room, peek=peek, brought=brought)
        return self.begin(room, peek=peek, carry=carry)

    def begin(
        self, room: RoomId, *, peek: bool = False, carry: bool = False, brought: str = ""
    ) -> Callable[[], Awaitable[None]]:
        """Begin to show a room here, whatever else does. Returns what loads it."""
        self._current.turn_to(room)  # the room requested last wins
        self._interaction.drop_offer()
        self._history.buffer()
        self._timeline.leave()
        self._composing.plain()  # a reply or an edit belongs to the room that it was begun in
        load_draft = self._composing.change_room(room, carry=carry, brought=brought)
        if self._current.in_front:
            self._composing.focus()

        async def load() -> None:
            if not await load_draft():
                return
            self._history.peeking = peek or self._interaction.settings.peek
            self._pane.around.save_layout(peek)
            self._hint.typing(())
            await self._view.reload(room)
            if self._current.id == room:
                await self._members.load()

        return load

    def go_to_message(self, room: RoomId, seq: Seq) -> None:
        """Open a room at a message, without marking anything as read; it is loaded in the background."""
        load = self._led_to(room, peek=True) if self._current.id != room else _nothing

        async def show() -> None:
            await load()
            await self._show_message(room, seq)

        self._interaction.run(show, group="reveal")

    async def reveal(self, room: RoomId, seq: Seq, *, peek: bool = False) -> None:
        """Open a room at a message."""
        if self._current.id != room:
            await self.open(room, peek=peek)
        await self._show_message(room, seq)

    async def _show_message(self, room: RoomId, seq: Seq) -> None:
        """Go to a message, with the focus: in the thread, if it is there."""
        here = self._current.id == room and self._timeline.has(seq)
        there = self if self._of_room is None or here else self._of_room
        if (go := await there.find(room, seq)) is not None:
            self._interaction.lead(go, own(_("The message is there")))

    async def find(self, room: RoomId, seq: Seq) -> Callable[[], None] | None:
        """Load a message of the open room; returns what goes to it, with the focus."""
        if self._current.id == room and await self._history.load_around(room, seq):
            return partial(self._select, room, seq)
        return None

    def _select(self, room: RoomId, seq: Seq) -> None:
        if self._current.id == room and self._timeline.has(seq):
            self._pane.around.come_to_front(self._current)
            self._timeline.reveal(seq)
            self._timeline.screen.set_focus(self._timeline)

    def go_to(self, room: RoomId, *, peek: bool = False) -> None:
        """Open a room; it is loaded in the background."""
        self._interaction.run(self._led_to(room, peek=peek), group="open")

    def open_last(self) -> None:
        """When the chat is opened: the room that was open when it ended, or the first.

        Someone without a room on this device yet gets the first one that the server lists, unless they have
        pressed a key by then.
        """
        last = self._client.preferences.last_room
        if last is not None and self._client.rooms.get(last) is not None:
            self.go_to(last)
        elif not self._open_first():
            self._view.refresh()
            self._interaction.run(self._open_first_later, group="first")
            screen = self._empty.screen
            if not (self._composer.text or letters_act(self._interaction.settings)):
                screen.set_focus(self._empty)  # arrows choose; letters go to the composer all the same

    def _open_first(self) -> bool:
        """Open the first unread room, or else the first; says whether there is one."""
        ordered = sorted(self._client.rooms.all, key=lambda room: room.kind is RoomKind.DIRECT)
        first = next_unread(ordered, None) or next(iter(ordered), None)
        if first is not None:
            self.go_to(first.id)
        return first is not None

    async def _open_first_later(self) -> None:
        await self._composing.leave_rooms()
        with suppress(ParlourClientError):  # the status line shows it
            await self._client.connection.connected()
            self._interaction.lead(self._open_first_now, own(_("Your rooms are there")))

    def _open_first_now(self) -> None:
        if self._current.id is None:
            _opened = self._open_first()

    def open_next_unread(self) -> None:
        """Open the next unread room."""
        room = next_unread(self._client.rooms.all, self._current.id)
        if room is None:
            self._interaction.toast(Toast.NO_UNREAD)
        else:
            self.go_to(room.id)

    async def open_next(self, step: int) -> None:
        """Open the next room of the list, or the previous one."""
        rooms = self._client.rooms.all
        at = next((index for index, room in enumerate(rooms) if room.id == self._current.id), 0)
        if rooms:
            await self._led_to(rooms[(at + step) % len(rooms)].id, peek=False)()

    async def write_to(self, user: UserName, message: str = "") -> None:
        """Open the direct room with someone, and send them a first message."""
        room = await self._client.rooms.open_direct(user)
        await self.open(room.id)
        if message:
            await self._client.messages.send(room.id, message)

    # --- actions on a room of the list

    def act(self, action: RoomAction, chosen: RoomId | None) -> None:
        """Run an action on a room of the list."""
        if action is RoomAction.SORT:
            orders = list(ORDERS)
            at = orders.index(self._interaction.settings.room_sort)
            self.set_order(orders[(at + 1) % len(orders)])
            return
        room = self._client.rooms.get(chosen) if chosen is not None else None
        if room is None:
            return
        match action:
            case RoomAction.FAVOURITE:
                self._interaction.run(
                    lambda: self._client.preferences.favourite(room.id, on=not room.favourite)
                )
            case RoomAction.SILENCE:
                self._interaction.run(lambda: self._client.preferences.mute(room.id, on=not room.muted))
            case RoomAction.PEEK:
                self.go_to(room.id, peek=True)
            case RoomAction.READ:
                self._interaction.run(lambda: self.mark_read(room))

    def set_order(self, chosen: str) -> None:
        """Sort the list of rooms differently. Raises SetupError."""
        self._interaction.set_setting("room_sort", chosen)
        self._view.refresh()
        self._interaction.say(_("Rooms: {order}.").format(order=_(_SORTED[chosen])))

    async def mark_read(self, room: Room) -> None:
        """Mark everything in a room as read."""
        await self._client.messages.mark_read(room.id, room.head, share=self._interaction.settings.receipts)

    def mark_open_read(self) -> None:
        """Mark the open room as read; a peek becomes a visit."""
        room = self._current.room
        if room is not None:
            self.end_peek()
            self._interaction.run(lambda: self.mark_read(room))

    def end_peek(self) -> None:
        """Mark visible messages of the open room as read again."""
        if self._of_room is not None:
            self._of_room.end_peek()
        self._history.peeking = False
        self._view.refresh()

    async def mark_unread(self, seq: Seq) -> None:
        """Mark a message and all after it as unread, until the room is opened again."""
        if self._of_room is not None:
            await self._of_room.mark_unread(seq)
        else:
            await self._history.mark_unread(seq)
        self._view.refresh()
