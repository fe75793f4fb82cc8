"""The one way of events into the client: first the archive, then the state, then the views.

Events are accepted at once, in order, and written in batches on the archive's thread; a view hears of an
event only when it can also read it. A long run of missed events is told as one change. ``Sync`` decides what
is accepted; this module never asks the server.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from parlour_client.core.archive import Archive
from parlour_client.core.archive.events import Applied
from parlour_client.core.model import EntryAdded, EntryChanged, HistoryChanged, RoomsChanged
from parlour_client.core.news import Emit
from parlour_client.core.state import State
from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import RequestId, RoomId, Seq

MAX_WAITING: Final = 1_000
"""Events that wait to be written; above it nothing more is read from the server (backpressure)."""
_TOLD_ONE_BY_ONE: Final = 50


@dataclass(frozen=True, slots=True)
class _Batch:
    room: RoomId
    events: Sequence[LogEvent]
    top: Seq
    live: bool


class Ingest:
    """The queue and its writer."""

    def __init__(
        self, archive: Archive, state: State, emit: Emit, arrived: Callable[[RequestId, LogEvent], None]
    ) -> None:
        """Write to ``archive``; ``arrived`` hears of events that are our own requests."""
        self._archive = archive
        self._state = state
        self._emit = emit
        self._arrived = arrived
        self._waiting: deque[_Batch] = deque()
        self._some = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def accept(self, room: RoomId, events: Sequence[LogEvent], top: Seq, *, live: bool) -> None:
        """Queue events of one room, in order; ``top`` is the newest that the room has with them."""
        self._waiting.append(_Batch(room, events, top, live))
        self._some.set()
        self._drained.clear()

    async def has_space(self) -> None:
        """Wait while too much is unwritten."""
        if len(self._waiting) > MAX_WAITING:
            await self.drained()

    async def drained(self) -> None:
        """Wait until all that was accepted is written and told."""
        await self._drained.wait()

    async def run(self) -> None:
        """Write what comes, until cancelled. Raises ArchiveError."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                batches, self._waiting = list(self._waiting), deque()
                for (room, live), run in groupby(batches, key=lambda batch: (batch.room, batch.live)):
                    await self._write(room, list(run), live=live)
            self._drained.set()

    async def _write(self, room: RoomId, batches: list[_Batch], *, live: bool) -> None:
        events = [event for batch in batches for event in batch.events]
        mentions = [self._state.names_me(event.body) for event in events]
        applied = await self._archive.add(events, mentions, max(batch.top for batch in batches))
        for one in applied:
            if one.request is not None:
                self._arrived(one.request, one.event)
        moved = [self._state.apply(one.event, mention=one.mention) for one in applied]
        if not live or not all(moved):
            await self.recount(room)
        if len(applied) > _TOLD_ONE_BY_ONE:
            self._emit(HistoryChanged(room))
        else:
            self._tell(applied)
        self._emit(RoomsChanged())

    async def recount(self, room: RoomId) -> None:
        """Count unread messages anew."""
        if known := self._state.room(room):
            self._state.count(room, *await self._archive.counts(room, known.read, self._state.me))

    def _tell(self, applied: Sequence[Applied]) -> None:
        for one in applied:
            if one.entry is None:
                continue
            if one.entry.seq != one.event.seq:  # an edit, a deletion, a reaction: its target changed
                self._emit(EntryChanged(one.entry))
            elif one.request is not None:  # our own, which stood there as being on its way
                self._emit(EntryChanged(replace(one.entry, request=one.request)))
            else:
                self._emit(EntryAdded(one.entry))
