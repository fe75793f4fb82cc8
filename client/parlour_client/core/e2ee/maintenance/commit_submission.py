"""Submits a stored commit or group creation to the server, and waits for the log to decide.

Whatever the answer, the log decides: nothing takes effect or is dropped as lost before its events show it. A
commit that is refused for another reason is dropped, and the error raised.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from parlour_client.core.e2ee.groups.group_errors import NotReadyError
from parlour_client.core.e2ee.groups.group_report import GroupReport
from parlour_client.core.e2ee.maintenance.device_session import Keys
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import StaleEpochError
from parlour_client.kit.errors import ApiRefusedError
from parlour_client.kit.language import _
from parlour_protocol.delivery import Commit, CreateGroup
from parlour_protocol.errors import ErrorCode
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId

_PATIENCE: Final = 20.0
"""Seconds in which the log must show what the server has just claimed."""
TRANSIENT: Final = frozenset(
    {ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.TOO_MANY_IN_FLIGHT, "too_many_attempts"}
)
"""Refusals after which the same request is repeated."""


class CommitSubmitter:
    """Submits what one account has staged."""

    def __init__(self, world: World, keys: Keys, dropped: Callable[[RequestId], None]) -> None:
        """Call ``dropped`` with each commit that will never be in the log."""
        self._world = world
        self._keys = keys
        self._dropped = dropped

    async def resumed(self, room: RoomId) -> bool:
        """Submit again what an earlier try, or an earlier run of the program, left undecided."""
        staged = await self._world.archive.read(self._keys.groups.staged, room)
        if staged is not None:
            await self.post(room, staged.body)
            return True
        pending_creation = await self._world.archive.read(self._keys.groups.pending_creation, room)
        if pending_creation is not None:
            await self.post_creation(room, pending_creation)
            return True
        return False

    async def post(self, room: RoomId, body: Commit) -> None:
        """Submit a commit; returns when it is in the log, or the one that was first is."""
        try:
            logged = await self._world.delivery.commit(room, body)
        except StaleEpochError:
            await self._came_second(room, body)
        except ApiRefusedError as error:
            if error.code not in TRANSIENT:
                await self._drop(room, body)
            raise
        else:
            await self.patiently(self._keys.logged(room, logged))

    async def _drop(self, room: RoomId, body: Commit) -> None:
        await self._world.archive.write_durably(self._keys.groups.drop_staged, room)
        self._dropped(body.request)

    async def _came_second(self, room: RoomId, body: Commit) -> None:
        """Process the commit that was first; if there is none, the request of ours is outdated."""
        state = await self._world.group(room)
        await self._keys.reached(room)
        staged = await self._world.archive.read(self._keys.groups.staged, room)
        if staged is None or staged.request != body.request:
            return
        if (state.group, state.epoch) == (body.group, body.epoch):
            await self._drop(room, body)
        else:
            await self.patiently(self._world.signal.until(lambda: self._decided(room, body.request)))

    async def _decided(self, room: RoomId, request: RequestId) -> bool:
        staged = await self._world.archive.read(self._keys.groups.staged, room)
        return staged is None or staged.request != request

    async def post_creation(self, room: RoomId, body: CreateGroup) -> None:
        """Submit a group's creation; returns when it or another one is in the log, or it is not needed."""
        try:
            logged = await self._world.delivery.create_group(room, body)
        except StaleEpochError:
            # It is in the log already, or another one was first, or the group it should replace works. The
            # log decides; otherwise it would wait for ever.
            state = await self._world.group(room)
            await self.patiently(self._keys.shown_up_to(room, state.head))
            await self._world.archive.write_durably(self._keys.groups.drop_creation, room)
        except ApiRefusedError as error:
            if error.code not in TRANSIENT:
                await self._world.archive.write_durably(self._keys.groups.drop_creation, room)
            raise
        else:
            await self.patiently(self._keys.logged(room, logged))

    async def report(self, room: RoomId) -> GroupReport:
        """Return the state of the room's group here."""
        return await self._world.archive.read(self._keys.groups.report, room)

    async def shown(self, room: RoomId, wanted: Callable[[GroupReport], bool]) -> None:
        """Wait until the log contains what the server claims."""

        async def is_so() -> bool:
            return wanted(await self.report(room))

        await self.patiently(self._world.signal.until(is_so))

    @staticmethod
    async def patiently(waiting: Awaitable[None]) -> None:
        """Wait until the log contains what the server has just claimed. Raises NotReadyError."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await waiting
        except TimeoutError:
            raise NotReadyError(_("The server does not show the room's newest events.")) from None
