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
from typing import Final, Protocol

from parlour_client.core.archive import Archive
from parlour_client.core.archive import divergence as forks
from parlour_client.core.archive.insertion import TOLD_ONE_BY_ONE, Applied
from parlour_client.core.event_bus import Emit
from parlour_client.core.events import EntryAdded, EntryChanged, HistoryChanged, RoomsChanged
from parlour_client.core.room_log.withheld import Missing
from parlour_client.core.sync.state import State
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import EncryptionOn
from parlour_protocol.ids import RequestId, RoomId, Seq

MAX_WAITING: Final = 1_000
"""Events that wait to be written; above it nothing more is read from the server (backpressure)."""
_SEALED_AT_ONCE: Final = 200
"""Encrypted events in one transaction: the archive's thread is held for some 50 ms."""


class SealedIntake(Protocol):
    """Takes in the events of encrypted rooms; what is refused, or must wait, is left out of its answer."""

    def covers(self, room: RoomId) -> bool:
        """Say whether the room is encrypted: then nothing of it goes another way."""
        ...

    async def take(self, room: RoomId, events: Sequence[LogEvent]) -> Sequence[Applied]:
        """Open and store them."""
        ...

    async def turned_on(self, event: LogEvent) -> None:
        """Take note that the room is encrypted from this event on, which comes by ``take`` next."""
        ...


@dataclass(frozen=True, slots=True)
class _Batch:
    room: RoomId
    events: Sequence[LogEvent]
    top: Seq
    live: bool


class Ingest:
    """The queue and its writer."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        emit: Emit,
        arrived: Callable[[RequestId, LogEvent], bool],
        sealed: SealedIntake | None = None,
    ) -> None:
        """Write to ``archive``; ``arrived`` hears of events that are our own requests."""
        self._sealed = sealed
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

    async def contradicts(self, event: LogEvent) -> bool:
        """Say whether another event is here under this number: then the next connection compares the room."""
        if isinstance(event, Missing):
            return False
        return await self._archive.run(forks.doubt, event, self._state.me)

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
        if self._sealed is not None and not self._sealed.covers(room):
            on = next((n for n, event in enumerate(events) if isinstance(event.body, EncryptionOn)), None)
            if on is not None:  # from here on nothing readable is taken, from nobody
                await self._write_open(room, events[:on], live=live)
                await self._sealed.turned_on(events[on])
                events = events[on:]
        if self._sealed is None or not self._sealed.covers(room):
            await self._write_open(room, events, live=live)
            return
        for start in range(0, len(events), _SEALED_AT_ONCE):
            applied = await self._sealed.take(room, events[start : start + _SEALED_AT_ONCE])
            await self.tell(room, applied, live=live)

    async def _write_open(self, room: RoomId, events: Sequence[LogEvent], *, live: bool) -> None:
        if not events:
            return
        mentions = [self._state.names_me(event.body) for event in events]
        await self.tell(room, await self._archive.add(events, mentions, events[-1].seq), live=live)

    async def tell(self, room: RoomId, applied: Sequence[Applied], *, live: bool) -> None:
        """Let the state and the views know what is in the archive now."""
        applied = [
            replace(one, request=None)
            if one.request is not None and not self._arrived(one.request, one.event)
            else one
            for one in applied
        ]
        moved = [self._state.apply(one.event, mention=one.mention) for one in applied]
        if not live or not all(moved):
            await self.recount(room)
        if len(applied) > TOLD_ONE_BY_ONE:
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
            if one.about is not None:
                self._emit(EntryChanged(one.about))
            if one.entry is None:
                continue
            if one.entry.seq != one.event.seq:  # an edit, a deletion, a reaction: its target changed
                self._emit(EntryChanged(one.entry))
            elif one.request is not None:  # our own, which stood there as being on its way
                self._emit(EntryChanged(replace(one.entry, request=one.request)))
            else:
                self._emit(EntryAdded(one.entry))
