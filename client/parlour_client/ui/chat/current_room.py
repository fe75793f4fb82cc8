"""The room that a pane shows. Its parts share this one object; only ``Navigation`` turns to another one.

A room that was open stays open when it is lost: the person was removed, or left on another device, or it was
deleted. Then it is dead, whatever the server says later, until a key of the person turns to a room.
"""

from parlour_client.core.client import Client
from parlour_client.core.model import Room
from parlour_client.kit.language import _
from parlour_client.ui.chat.interaction import NO_ROOM
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


class CurrentRoom:
    """The open room, if there is one."""

    def __init__(self, client: Client, thread: Seq | None = None) -> None:
        self._client = client
        self.thread = thread
        """The first known message of the thread of which this is the room; None: all of the room is shown."""
        self._id: RoomId | None = None
        self._last: Room | None = None
        self._lost = False
        self.in_front = True
        """Whether the lists at the sides of the screen are about it."""

    def turn_to(self, room: RoomId) -> None:
        """Show another room, or this one again."""
        self._id, self._last, self._lost = room, None, False

    @property
    def id(self) -> RoomId | None:
        """The open room; it stays when the room is lost."""
        return self._id

    @property
    def room(self) -> Room | None:
        """The open room; None if this account left it, even if it has joined again since."""
        if self._id is None or self._lost:
            return None
        room = self._client.rooms.get(self._id)
        self._lost = room is None
        self._last = room or self._last
        return room

    @property
    def lost(self) -> Room | None:
        """The last state of the open room if it was lost."""
        return self._last if self.room is None else None

    def required(self) -> Room:
        """Return the open room. Raises ValueError if there is none."""
        room = self.room
        if room is None:
            raise ValueError(_(NO_ROOM))
        return room
