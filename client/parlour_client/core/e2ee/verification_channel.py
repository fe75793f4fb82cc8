"""The way of identities to other people (``wire.Wire``): the direct room, and steps of a verification in it.

What goes by it is sealed like any message and never shown as one. ``SealedRooms`` makes one.
"""

from typing import TYPE_CHECKING

from parlour_client.core.errors import EncryptionError
from parlour_protocol.encrypted import VerifyContent
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.ids import RoomId
from parlour_protocol.names import UserName

if TYPE_CHECKING:
    from parlour_client.core.e2ee.encrypted_rooms import EncryptedRooms


class WayToPeople:
    """Implements ``Wire``."""

    def __init__(self, rooms: "EncryptedRooms") -> None:
        """Go by these rooms."""
        self._rooms = rooms

    async def direct_room(self, user: UserName) -> RoomId:
        """Return the encrypted direct room with a person. Raises EncryptionError when there is none."""
        for room in self._rooms.state.rooms:
            if room.kind is RoomKind.DIRECT and room.peer == user and self._rooms.covers(room.id):
                return room.id
        raise EncryptionError(
            f"There is no encrypted direct room with {user}.",
            f"Open one first: /dm {user}, or parlour dm {user}",
        )

    async def say(self, room: RoomId, content: VerifyContent) -> None:
        """Send a step of a verification; the server has it when this returns."""
        await self._rooms.say(room, content)

    async def device_replaced(self) -> None:
        """Hear that this device has a new key."""
        await self._rooms.replaced()
