"""What the work on groups needs of the rest of the client: this device, the vault, the time, and waiting.

``SealedRooms`` is it; tests play it.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from parlour_client.core.e2ee.groups.group_service import GroupService
from parlour_client.core.e2ee.groups.transaction import ThisDevice
from parlour_protocol.delivery import EventStored, GroupState
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import Millis, RoomId, Seq


class Keys(Protocol):
    """The rest of the client."""

    @property
    def own(self) -> ThisDevice:
        """This device; raises EncryptionError while it has no keys or is not approved."""
        ...

    @property
    def groups(self) -> GroupService:
        """The vault; raises likewise."""
        ...

    def summary(self, room: RoomId) -> RoomSummary | None:
        """Return what the server told of a room."""
        ...

    def now(self) -> Millis:
        """Return the time by this device's clock."""
        ...

    def server_time(self) -> Millis:
        """Return the time that the server claims: never decide about keys only by it (``times``)."""
        ...

    async def reached(self, room: RoomId, seq: Seq | None = None) -> None:
        """Wait until everything up to the head, and to ``seq`` at least, was taken in."""
        ...

    async def logged(self, room: RoomId, logged: EventStored) -> None:
        """Wait until the event at the place that the server named was taken in."""
        ...

    async def group(self, room: RoomId) -> GroupState:
        """Ask where a room's group stands, in the logs that the server greeted with."""
        ...

    async def keys_up_to_date(self) -> None:
        """Read what is new in the key log; what fails is tried again later."""
        ...

    async def shown_up_to(self, room: RoomId, seq: Seq) -> None:
        """Wait until the log was taken in up to the server's number ``seq``."""
        ...

    async def claimed(self, room: RoomId) -> None:
        """Hear that the server claims something else of a room's members than before."""
        ...

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it is so; it is asked whenever something was taken in."""
        ...
