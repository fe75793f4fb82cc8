"""Fills gaps in a room's event numbers from the store, after waiting a moment.

With several servers notifications arrive out of order, so most gaps close by themselves; the others come from
lost notifications. A failed read is retried, and the room's delivery waits.
"""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.limits import PAGE_BYTES, PAGE_EVENTS
from parlour_server.chat.service.sequencer import Sequencer
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.errors import UnavailableError

_WAIT: Final = 0.05
"""Seconds to wait for a late notification."""
_RETRY: Final = 1.0
"""Seconds before a retry when the store is unavailable."""


class GapFiller:
    """Reads events whose notification was lost."""

    def __init__(
        self,
        *,
        store: ChatStore,
        offer: Callable[[LogEvent], None],
        loop: AbstractEventLoop,
        background: BackgroundTasks,
    ) -> None:
        """``offer`` is called with every event that is read, in order."""
        self._store = store
        self._offer = offer
        self._loop = loop
        self._background = background
        self._unchecked: dict[RoomId, Seq] = {}
        self.filled = 0
        """Gaps that were filled from the store."""

    def found(self, sequencer: Sequencer) -> None:
        """Fill the room's gap, if it still exists after a moment."""
        if not sequencer.filling:
            sequencer.filling = True
            self._later(sequencer, _WAIT)

    def check(self, room: RoomId, seq: Seq) -> None:
        """Read a room without a sequencer from event ``seq`` on, for memberships that begin or end.

        However many events one poll of the journal announces, it is one read, from the first of them.
        """
        if room in self._unchecked:
            self._unchecked[room] = min(seq, self._unchecked[room])
            return
        self._unchecked[room] = seq
        self._loop.call_soon(self._begin_check, room)

    def _begin_check(self, room: RoomId) -> None:
        first = self._unchecked.pop(room)
        # The recipients are unknown, and the room is read again with the next event.
        self._background.retry_until_done("checking a room", lambda: self._check(room, first), lambda: None)

    def _later(self, sequencer: Sequencer, seconds: float) -> None:
        self._loop.call_at(self._loop.time() + seconds, self._begin, sequencer)

    def _begin(self, sequencer: Sequencer) -> None:
        if sequencer.has_hole and sequencer.out.members:
            self._background.start("filling a gap", self._fill(sequencer), sequencer.fail)
        else:
            sequencer.filling = False

    async def _fill(self, sequencer: Sequencer) -> None:
        with suppress(UnavailableError):  # retried below
            await self._read_on(sequencer)
        if sequencer.has_hole:
            self._later(sequencer, _RETRY)
        else:
            sequencer.filling = False
            self.filled += 1

    async def _read_on(self, sequencer: Sequencer) -> None:
        more = True
        while more and sequencer.out.members:
            before = sequencer.last
            events, more, _ = await self._store.log.page(
                sequencer.room, after=before, before=None, limit=PAGE_EVENTS.value, max_bytes=PAGE_BYTES.value
            )
            for event in events:
                self._offer(event)
            if sequencer.last == before:
                return

    async def _check(self, room: RoomId, first: Seq) -> None:
        after, more = Seq(first - 1), True
        while more:
            events, more, _ = await self._store.log.page(
                room, after=after, before=None, limit=PAGE_EVENTS.value, max_bytes=PAGE_BYTES.value
            )
            for event in events:
                self._offer(event)
                after = event.seq
            more = more and bool(events)
