"""Fills gaps in a log's numbers from the store, after waiting a moment.

With several servers notifications arrive out of order, so most gaps close by themselves; the others come from
lost notifications. A failed read is retried, and the log's delivery waits.
"""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic

from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_server.app.log.kind import E
from parlour_server.app.log.sequencer import H, Sequencer
from parlour_server.app.log.stored_log import StoredLog
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.errors import UnavailableError

_WAIT: Final = 0.05
"""Seconds to wait for a late notification."""
_RETRY: Final = 1.0
"""Seconds before a retry when the store is unavailable."""


class GapFiller(Generic[E, H]):
    """Reads entries whose notification was lost."""

    def __init__(
        self,
        *,
        stored: StoredLog[Any, E, Any],
        offer: Callable[[str, E], None],
        loop: AbstractEventLoop,
        background: BackgroundTasks,
    ) -> None:
        """``offer`` is called with every entry that is read, in order."""
        self._stored = stored
        self._offer = offer
        self._loop = loop
        self._background = background
        self._unchecked: dict[str, Seq] = {}
        self.filled = 0
        """Gaps that were filled from the store."""

    def found(self, sequencer: Sequencer[E, H]) -> None:
        """Fill the log's gap, if it still exists after a moment."""
        if not sequencer.filling:
            sequencer.filling = True
            self._later(sequencer, _WAIT)

    def check(self, log: str, seq: Seq) -> None:
        """Read a log without a sequencer from entry ``seq`` on, for memberships that begin or end.

        However many entries one poll of the journal announces, it is one read, from the first of them.
        """
        if log in self._unchecked:
            self._unchecked[log] = min(seq, self._unchecked[log])
            return
        self._unchecked[log] = seq
        self._loop.call_soon(self._begin_check, log)

    def _begin_check(self, log: str) -> None:
        first = self._unchecked.pop(log)
        # The recipients are unknown, and the log is read again with the next entry.
        self._background.retry_until_done("checking a log", lambda: self._check(log, first), lambda: None)

    def _later(self, sequencer: Sequencer[E, H], seconds: float) -> None:
        self._loop.call_at(self._loop.time() + seconds, self._begin, sequencer)

    def _begin(self, sequencer: Sequencer[E, H]) -> None:
        if sequencer.has_hole and sequencer.out.members:
            self._background.start("filling a gap", self._fill(sequencer), sequencer.fail)
        else:
            sequencer.filling = False

    async def _fill(self, sequencer: Sequencer[E, H]) -> None:
        with suppress(UnavailableError):  # retried below
            await self._read_on(sequencer)
        if sequencer.has_hole:
            self._later(sequencer, _RETRY)
        else:
            sequencer.filling = False
            self.filled += 1

    async def _read_on(self, sequencer: Sequencer[E, H]) -> None:
        more = True
        while more and sequencer.out.members:
            before = sequencer.last
            page = await self._stored.page(sequencer.log, after=before, limit=PAGE_EVENTS.value)
            for entry in page.entries:
                sequencer.skip(Seq(entry.seq - 1))  # retention removed them, or they can't be read
                self._offer(sequencer.log, entry)
            sequencer.skip(page.until)
            more = page.more
            if sequencer.last == before:
                return

    async def _check(self, log: str, first: Seq) -> None:
        after, more = Seq(first - 1), True
        while more:
            page = await self._stored.page(log, after=after, limit=PAGE_EVENTS.value)
            for entry in page.entries:
                self._offer(log, entry)
            more, after = page.more, page.until
