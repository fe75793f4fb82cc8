"""Opens rooms, and keeps the list of rooms and the header in step with the client.

Only ``Navigation`` changes which room is open. The room requested last wins, however long an earlier one
takes to load.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.message_pump import MessagePump

from parlour_client.core.client import Client
from parlour_client.core.model import Room, display_name
from parlour_client.kit.language import N_, _
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.chat.encryption.prompts import EncryptionPrompts
from parlour_client.ui.chat.first_steps import FirstSteps
from parlour_client.ui.chat.header import RoomHeader
from parlour_client.ui.chat.hint_line import HintLine
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.chat.members_controller import MembersController
from parlour_client.ui.chat.room_list import ORDERS, RoomAction, RoomList, next_unread
from parlour_client.ui.chat.throttle import Throttle
from parlour_client.ui.chat.timeline import Timeline
from parlour_client.ui.chat.timeline_controller import TimelineController
from parlour_client.ui.toasts import Toast
from parlour_protocol.frames.bodies import Created, Joined
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

if TYPE_CHECKING:
    from parlour_client.ui.chat.panes import Panes

_NOT_WRITTEN: Final = (Created, Joined)
"""Events of a room in which no one has done anything yet."""
_SORTED: Final = {
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
        owner: MessagePump,
        client: Client,
        current: CurrentRoom,
        room_list: RoomList,
        header: RoomHeader,
        empty: FirstSteps,
        timeline: Timeline,
        composer: Composer,
        hint: HintLine,
        interaction: Interaction,
        composing: ComposerController,
        history: TimelineController,
        members: MembersController,
        encryption: EncryptionPrompts,
        panes: "Panes",
    ) -> None:
        self._client, self._current, self._interaction = client, current, interaction
        self._list, self._header, self._empty = room_list, header, empty
        self._timeline, self._composer, self._hint = timeline, composer, hint
        self._composing, self._history, self._members = composing, history, members
        self._encryption, self._panes = encryption, panes
        self._throttle = Throttle()
        self._refresh = Deferred(owner, self.rooms_changed)
        self._loaded: RoomId | None = None
        self._deletion = ""
        """Who deleted a room, in words, until it is shown."""
        self._missed = False  # changes arrived while another program had the terminal

    # --- opening

    async def open(self, room: RoomId, *, peek: bool = False) -> None:
        """Show another room; the draft stays with the old one.

        With ``peek``, or if the settings say so, nothing is marked as read. What was typed behind the command
        that opens it is moved there.
        """
        await self._turn_to(room, peek=peek, carry=self._composing.awaits_room)()

    def _turn_to(self, room: RoomId, *, peek: bool, carry: bool = False) -> Callable[[], Awaitable[None]]:
        """Turn to a room at once: the next key belongs to it. Returns what loads it."""
        if self._panes.turn_to(room, self._current):
            return _nothing
        self._current.id = room  # the room requested last wins
        self._history.begin()
        self._timeline.leave()
        self._composing.plain()  # a reply or an edit belongs to the room that it was begun in
        load_draft = self._composing.change_room(room, carry=carry)
        if self._current.in_front:
            self._composing.focus()

        async def load() -> None:
            if not await load_draft():
                return
            self._history.peeking = peek or self._interaction.settings.peek
            if not peek:
                self._panes.save()
            self._hint.typing(())
            await self.reload(room)
            if self._current.id == room:
                await self._members.load()

        return load

    async def reload(self, room: RoomId) -> None:
        """Reload the open room; the draft stays."""
        self._loaded = None
        self._history.begin()
        self.refresh()
        await self._history.load(room)
        self._loaded = room
        self._show_steps()

    def go_to_message(self, room: RoomId, seq: Seq) -> None:
        """Open a room at a message, without marking anything as read; it is loaded in the background."""
        load = self._turn_to(room, peek=True) if self._current.id != room else _nothing

        async def show() -> None:
            await load()
            await self._show_message(room, seq, self._composer.text)

        self._interaction.run(show, group="reveal")

    async def reveal(self, room: RoomId, seq: Seq, *, peek: bool = False) -> None:
        """Open a room at a message."""
        if self._current.id != room:
            await self.open(room, peek=peek)
        await self._show_message(room, seq, "")

    async def _show_message(self, room: RoomId, seq: Seq, draft: str) -> None:
        """Go to a message, with the focus, unless the person writes something else than ``draft`` by now."""
        if await self._history.reveal(room, seq):
            writes = self._composer.screen.focused is self._composer and self._composer.text != draft
            if not writes:
                self._timeline.focus()

    def go_to(self, room: RoomId, *, peek: bool = False) -> None:
        """Open a room; it is loaded in the background."""
        self._interaction.run(self._turn_to(room, peek=peek), group="open")

    def open_last(self) -> None:
        """Open the room that was open when the client last ended, or the first."""
        last = self._client.preferences.last_room
        if last is not None and self._client.rooms.get(last) is not None:
            self.go_to(last)
        else:
            self.open_first()

    def open_first(self) -> None:
        """Open the first unread room, or else the first."""
        ordered = sorted(self._client.rooms.all, key=lambda room: room.kind is RoomKind.DIRECT)
        first = next_unread(ordered, None) or next(iter(ordered), None)
        if first is not None:
            self.go_to(first.id)
        else:
            self.refresh()
            self._interaction.run(self._composing.leave_rooms, group="open")
            screen = self._empty.screen
            if screen.focused is self._composer and not (
                self._composer.text or self._interaction.settings.vim
            ):
                screen.set_focus(self._empty)  # arrows choose; letters go to the composer all the same

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
            await self._turn_to(rooms[(at + step) % len(rooms)].id, peek=False)()

    async def write_to(self, user: UserName, message: str = "") -> None:
        """Open the direct room with someone, and send them a first message."""
        room = await self._client.rooms.open_direct(user)
        await self.open(room.id)
        if message:
            await self._client.messages.send(room.id, message)

    def _show_steps(self) -> None:
        """Say what to do without a room, and in one where nothing but joining and leaving has happened."""
        here = self._loaded is not None and self._loaded == self._current.id
        quiet = here and all(type(entry.body) in _NOT_WRITTEN for entry in self._timeline.entries)
        self._empty.show(self._current.room, quiet=quiet)

    # --- lists and header

    def refresh(self) -> None:
        """Update the list of rooms and the header."""
        rooms = [self._as_seen(room) for room in self._client.rooms.all]
        sort = self._interaction.settings.room_sort
        if self._current.in_front:
            self._list.fill(rooms, self._current.id, sort, self._client.invitations.all)
        room = self._current.room
        self._show_steps()
        self._timeline.display = room is not None
        self._encryption.refresh()
        self._header.show_room(room, peeking=self._history.peeking)
        self._composing.show_room(room)
        if room is not None:
            self._composer.rooms = [one.title for one in rooms if one.name is not None]

    def _as_seen(self, room: Room) -> Room:
        """Count nothing in the open room while its newest message is visible: it counts as read."""
        seen = room.id == self._current.id and self._history.sees_newest
        return replace(room, unread=0, mentions=0) if seen else room

    def rooms_changed_soon(self) -> None:
        """Update the lists once a frame, however many events arrive."""
        self._refresh.schedule(self._throttle.delay())

    def room_deleted(self, title: str, by: UserName) -> None:
        """Say with the next refresh that someone deleted a room."""
        self._deletion = _("{author} deleted the room {title}.").format(author=display_name(by), title=title)

    def come_back(self) -> None:
        """Apply changes that waited while another program had the terminal."""
        if self._missed:
            self._missed = False
            self.rooms_changed()

    def rooms_changed(self) -> None:
        """Show the current rooms; close the open one if this account is no longer in it."""
        if self._interaction.is_away:
            self._missed = True
            return  # text being written there must find the room where it was begun
        if self._current.id is not None and self._current.room is None:  # removed, or left on another device
            self._current.id = None
            self._composing.plain()
            self._timeline.empty()
            self._interaction.refuse(self._deletion or _("You are no longer in that room."))
        elif self._deletion:
            self._interaction.refuse(self._deletion)
        self._deletion = ""
        self.refresh()
        self._members.load_missing()
        if self._current.id is None:
            self.open_first()

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
        self.refresh()
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
        self._history.peeking = False
        self.refresh()

    async def mark_unread(self, seq: Seq) -> None:
        """Mark a message and all after it as unread, until the room is opened again."""
        await self._history.mark_unread(seq)
        self.refresh()
