"""What identities ask of the rest of the client: a direct room to verify somebody in, and to be told.

The orchestration implements it. Nothing that goes through ``say`` is shown as a message.
"""

from typing import Protocol

from parlour_protocol.encrypted import VerifyContent
from parlour_protocol.ids import RoomId
from parlour_protocol.names import UserName


class Wire(Protocol):
    """The way to other people."""

    async def direct_room(self, user: UserName) -> RoomId:
        """Return the encrypted direct room with a person. Raises a sentence when there is none."""
        ...

    async def say(self, room: RoomId, content: VerifyContent) -> None:
        """Send a step of a verification, encrypted; returns when it is queued."""
        ...

    async def device_replaced(self) -> None:
        """Hear that this device has a new key: the groups of the old one are of no use."""
        ...
