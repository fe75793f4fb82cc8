"""Forgetting as this device's own policy: a room's messages, or all that are older than a time.

Nobody else hears of it, and nothing is deleted for others. What is forgotten is not fetched again. ``Client``
inherits it; the views say how long to keep.
"""

import asyncio
from contextlib import suppress
from typing import Final

from parlour_client.core.clock import Clock
from parlour_client.core.engine import Engine
from parlour_client.core.errors import ParlourClientError
from parlour_client.core.events import RoomForgotten, RoomsChanged
from parlour_protocol.ids import Millis, RoomId

SWEEP_SECONDS: Final = 3600.0
"""How often what is too old is looked for."""


class Forgetting:
    """The forgetting half of ``ChatClient``. A subclass gives ``_engine`` and ``_clock``."""

    _clock: Clock
    _sweeping: asyncio.Task[None] | None = None

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    async def forget(self, room: RoomId | None = None, *, before: Millis | None = None) -> int:
        """Forget what was said in a room (None: in all) before a time (None: ever) on this device alone.

        Returns how many rooms lost something. What is on its way, drafts and roles stay.
        """
        engine = self._engine
        changed = await engine.archive.forget(room, before)
        for one in changed:
            known = engine.state.room(one)
            if known is not None:
                engine.state.count(one, *await engine.archive.counts(one, known.read, engine.state.me))
            engine.news.emit(RoomForgotten(one))
        if changed:
            engine.news.emit(RoomsChanged())
        return len(changed)

    def keep(self, seconds: int | None) -> None:
        """Forget from now on what is older than this; None: keep everything."""
        self._end_sweeping()
        if seconds is not None:
            self._sweeping = asyncio.ensure_future(self._sweep(seconds))

    def _end_sweeping(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def _sweep(self, seconds: int) -> None:
        while True:
            with suppress(ParlourClientError):  # a full disk, a busy archive: the next time
                await self.forget(before=Millis(self._clock.now() - seconds * 1000))
            await self._clock.sleep(SWEEP_SECONDS)
