"""What is read and what is not: peek, mark read, mark unread, favourites, muted rooms, the order of the list.

Nothing here is ever done by looking alone; each is a key or a command. The chat screen inherits it.
"""

import time
from typing import Final

from textual import on

from parlour_client.core.errors import SetupError
from parlour_client.core.model import Room
from parlour_client.core.room_names import find_room
from parlour_client.ui.app_settings import Preferring, settings_of
from parlour_client.ui.chat.command_table import seconds
from parlour_client.ui.chat.room_list import ORDERS, RoomList, RoomWish
from parlour_client.ui.chat.rooms_part import RoomsPart
from parlour_client.ui.dialogs.questions import ConfirmScreen
from parlour_client.ui.safe import lines, own, peer_line
from parlour_protocol.ids import Millis, RoomId, Seq

_SORTED: Final = {"name": "by name", "recent": "newest first", "unread": "most unread first"}


class ReadingPart(RoomsPart):
    """Read control."""

    @on(RoomList.Wish)
    def _room_wish(self, event: RoomList.Wish) -> None:
        if event.wish is RoomWish.SORT:
            self._next_order()
            return
        room = self.client.room(event.room) if event.room is not None else None
        if room is None:
            return
        match event.wish:
            case RoomWish.FAVOURITE:
                self.ask(lambda: self.client.favour(room.id, on=not room.favourite))
            case RoomWish.MUTE:
                self.ask(lambda: self.client.silence(room.id, on=not room.muted))
            case RoomWish.PEEK:
                self.remove_class("-rooms")
                self.ask(lambda: self.open_room(room.id, peek=True), group="open")
            case RoomWish.READ:
                self.ask(lambda: self.mark_room_read(room.id))

    def _next_order(self) -> None:
        orders = list(ORDERS)
        chosen = orders[(orders.index(settings_of(self).room_sort) + 1) % len(orders)]
        self.set_order(chosen)

    def set_order(self, chosen: str) -> None:
        """Put the list of rooms in another order. Raises SetupError."""
        if isinstance(self.app, Preferring):
            self.app.set_setting("room_sort", chosen)
        self._show_room()
        self.say(f"Rooms: {_SORTED[chosen]}.")

    async def mark_room_read(self, room: RoomId) -> None:
        """Everything in a room is read."""
        known = self.client.room(room)
        if known is not None:
            await self.client.mark_read(room, known.head, share=settings_of(self).receipts)

    async def mark_all_read(self) -> None:
        """Everything everywhere is read."""
        for room in [room for room in self.client.rooms if room.unread]:
            await self.client.mark_read(room.id, room.head, share=settings_of(self).receipts)

    async def mark_unread(self, seq: Seq) -> None:
        """Keep a message and all after it unread, until the room is opened again."""
        if self.current is not None:
            self.peeking = True  # else the next message that comes in would mark all of it as read
            self._read_later = None
            await self.client.mark_read(self.current, Seq(seq - 1))
            self.timeline.mark_unread(Seq(seq - 1))
            self._show_room()

    def action_mark_read(self) -> None:
        """Mark the open room as read."""
        room = self.current
        if room is not None:
            self.peeking = False
            self._show_room()
            self.ask(lambda: self.mark_room_read(room))

    def _named(self, name: str) -> Room:
        """Return one of the person's rooms. Raises SetupError."""
        word = name.strip()
        if not word and (room := self.room) is not None:
            return room
        found = find_room(self.client.rooms, word)
        if found is None:
            raise SetupError("You have no room of that name.", "F2 lists yours.")
        return found

    async def _do_read(self, rest: str) -> None:
        if rest == "all":
            await self.mark_all_read()
        else:
            self.action_mark_read()

    async def _do_peek(self, rest: str) -> None:
        await self.open_room(self._named(rest).id, peek=True)

    async def _do_favourite(self, rest: str) -> None:
        room = self._named(rest)
        await self.client.favour(room.id, on=not room.favourite)

    async def _do_silence(self, rest: str) -> None:
        room = self._named(rest)
        await self.client.silence(room.id, on=not room.muted)

    async def _do_forget(self, rest: str) -> None:
        room, span = self.room, seconds(rest) if rest else None
        if room is None or (rest and span is None):
            raise SetupError("Write /forget, or how old it is: 12h, 30d.", "It forgets in the open room.")
        before = None if span is None else Millis(int(time.time()) * 1000 - span * 1000)

        async def forget() -> None:
            gone = await self.client.forget(room.id, before=before)
            self.say("Forgotten on this device." if gone else "There is nothing of that age here.")

        def answer(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if yes:
                self.ask(forget)

        what = "everything said" if span is None else f"what is older than {rest}"
        question = own(f"Forget {what} here, on this device alone?", "bold")
        known = own("Nobody else loses it; this device does not fetch it again.")
        self.push(ConfirmScreen(lines(question, peer_line(room.title), known)), answer)

    async def _do_sort(self, rest: str) -> None:
        if rest not in ORDERS:
            raise SetupError("Write /sort name, /sort recent or /sort unread.")
        self.set_order(rest)
