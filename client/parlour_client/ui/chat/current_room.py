"""The room that the chat screen shows. Its parts share this one object; only ``Navigation`` changes it."""

from parlour_client.core.client import Client
from parlour_client.core.model import Room
from parlour_client.kit.language import _
from parlour_client.ui.chat.interaction import NO_ROOM
from parlour_protocol.ids import RoomId


class CurrentRoom:
    """The open room, if there is one."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.id: RoomId | None = None
        self.in_front = True
        """Whether the lists at the sides of the screen are about it."""

    @property
    def room(self) -> Room | None:
        """The open room; None also when this account is no longer in it."""
        return self._client.rooms.get(self.id) if self.id is not None else None

    def required(self) -> Room:
        """Return the open room. Raises ValueError if there is none."""
        room = self.room
        if room is None:
            raise ValueError(_(NO_ROOM))
        return room
