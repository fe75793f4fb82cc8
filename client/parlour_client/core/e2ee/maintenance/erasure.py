"""Erases old data from the disk: keys of past epochs, and old pages of the archive's write-ahead log.

SQLite overwrites deleted data in the file, but old pages stay in the write-ahead log until it is emptied,
which a reader can delay. So it is tried until it succeeds: soon after an epoch, once a minute in any case
(another program of this home may have ended in between), and when the program ends. Keys of past epochs also
expire by this device's own clock.
"""

from typing import Final

from parlour_client.core.e2ee.groups.group_store import scrub
from parlour_client.core.e2ee.maintenance.device_session import Keys
from parlour_client.core.e2ee.world import World, quietly
from parlour_client.kit.clock import Timer

_BEAT: Final = 60.0
"""Seconds between two checks."""
_FIRST_RETRY: Final = 0.5
"""Seconds until the next try if someone reads; then twice as many, up to the interval above."""


class Erasure:
    """Erases old data of one archive."""

    def __init__(self, world: World, keys: Keys) -> None:
        self._world = world
        self._keys = keys
        self._beating: Timer | None = None
        self._again: Timer | None = None

    def begin(self) -> None:
        """Start, connected or not."""
        self._world.tasks.run(self._expire())
        self._beating = self._world.clock.call_later(_BEAT, self.begin)

    def epoch_ended(self) -> None:
        """Remove the keys of a past epoch from the write-ahead log (Marmot #756)."""
        self._world.tasks.run(self._scrub(_FIRST_RETRY))

    async def stop(self) -> None:
        """Erase what can be erased now, because the program ends."""
        for timer in (self._beating, self._again):
            if timer is not None:
                timer.cancel()
        await quietly(self._world.archive.read(scrub))

    async def _expire(self) -> None:
        groups = self._keys.maybe_groups
        if groups is not None:
            await self._world.archive.write(groups.expire, self._world.clock.now())
        await self._world.archive.read(scrub)

    async def _scrub(self, wait: float) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if not await self._world.archive.read(scrub) and wait < _BEAT:
            self._again = self._world.clock.call_later(
                wait, lambda: self._world.tasks.run(self._scrub(2 * wait))
            )
