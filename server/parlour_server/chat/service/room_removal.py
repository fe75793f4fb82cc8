"""Removes the data of deleted rooms, in small batches, at the start and every minute.

It never raises; after a failure it tries again.
"""

import asyncio
from contextlib import suppress
from typing import Final

from parlour_server.chat.store.sql.rooms.rooms import Rooms
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import log

EVERY_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.02
"""Between two batches, so that other writes come first."""


class RoomRemoval:
    """Removes what deleted rooms leave behind."""

    def __init__(self, rooms: Rooms, clock: Clock) -> None:
        self._rooms = rooms
        self._clock = clock

    async def run(self) -> None:
        """Remove regularly, until cancelled."""
        while True:
            with suppress(UnavailableError):  # a full disk, or the server is stopping: try again
                await self.remove()
            await asyncio.sleep(EVERY_SECONDS)

    async def remove(self) -> None:
        """Remove the data of all rooms that were deleted. Raises UnavailableError."""
        for room in await self._rooms.deleted(self._clock.now()):
            removed = False
            while await self._rooms.remove_batch(room):
                removed = True
                await asyncio.sleep(_PAUSE_SECONDS)
            if removed:  # otherwise it waits for the last of its files
                log("room_data_removed", room=room)
