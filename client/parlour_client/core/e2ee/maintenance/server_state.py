"""The server's side of rooms: the state of their logs and groups, and waiting until it has arrived here.

No claim of the server takes effect by itself: callers wait until the room's log has shown it.
"""

from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.maintenance.device_session import DeviceSession
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.kit.clock import Clock
from parlour_protocol.delivery import EventStored, GroupState
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq


class ServerState:
    """The server's state for one account, as far as it was asked."""

    def __init__(
        self,
        delivery: Delivery,
        catch_up: CatchUp,
        numbers: Numbers,
        clock: Clock,
        session: DeviceSession,
    ) -> None:
        self._delivery = delivery
        self._numbers = numbers
        self._clock = clock
        self._session = session
        self.catch_up = catch_up
        self._ahead = 0

    def greeted(self, now: Millis) -> None:
        """Take the time in a greeting."""
        self._ahead = now - self._clock.now()

    def time(self) -> Millis:
        """Return the server's time: never decide about keys only by it (``key_lifetimes``)."""
        return Millis(self._clock.now() + self._ahead)

    async def group(self, room: RoomId) -> GroupState:
        """Ask for the state of a room's group, in the logs of the greeting."""
        state = await self._delivery.group(room)
        self._numbers.check(state.incarnation)
        return state

    async def reached(self, room: RoomId, seq: Seq | None = None) -> None:
        """Wait until everything up to the head, and at least to ``seq``, was processed."""
        _ = self._session.groups  # raises why there are no keys: the room would never catch up
        await self.catch_up.reached(room, seq or Seq(0))

    async def logged(self, room: RoomId, logged: EventStored) -> None:
        """Wait until the event that the server named was processed."""
        self._numbers.check(logged.incarnation)
        await self.reached(room, self._numbers.of(room).to_local(logged.seq))

    async def shown_up_to(self, room: RoomId, seq: Seq) -> None:
        """Wait until the log was processed up to the server's number ``seq``."""
        await self.reached(room, self._numbers.of(room).to_local(seq) if seq else None)
