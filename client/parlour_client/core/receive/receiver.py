"""Writes incoming events: first to the archive, then to the room list, then to the views.

Events are written in batches on the archive's thread; those of an encrypted room are decrypted on the way. It
never asks the server: ``CatchUp`` decides what is accepted. Views are notified of what can be read from the
archive, of a long run by one change. Every other writer of events calls the ``Publisher`` afterwards.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from parlour_client.core.archive import Archive, insertion
from parlour_client.core.archive.insertion import TOLD_ONE_BY_ONE, Applied
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.events import (
    CountsChanged,
    Emit,
    EntryAdded,
    EntryChanged,
    HistoryChanged,
    RoomsChanged,
)
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.room_log.missing import have_expired
from parlour_client.core.sync.event_queue import EventQueue
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.state import Effect, State
from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import RoomId

_SEALED_AT_ONCE: Final = 200
"""Encrypted events in one transaction, which occupies the archive's thread for some 50 ms."""


class Publisher:
    """Updates the room list and emits changes."""

    def __init__(self, state: State, rooms: RoomStore, outbox: Outbox, emit: Emit) -> None:
        self._state = state
        self._rooms = rooms
        self._outbox = outbox
        self._emit = emit

    async def publish(self, room: RoomId, applied: Sequence[Applied], *, live: bool = False) -> None:
        """Publish events of one room that were just written."""
        applied = [
            replace(effect, request=self._outbox.arrived(effect.request, effect.event)) for effect in applied
        ]
        for effect in applied:
            if have_expired(effect.event):
                self._outbox.expired(effect.event)
        effects = {self._state.apply(effect.event, mention=effect.mention) for effect in applied}
        if not live or Effect.NOTHING in effects:
            await self._rooms.recount(room)
        if len(applied) > TOLD_ONE_BY_ONE:
            self._emit(HistoryChanged(room))
        else:
            self._entries(applied)
        self._emit(RoomsChanged() if Effect.ROOM in effects else CountsChanged(room))

    def _entries(self, applied: Sequence[Applied]) -> None:
        for effect in applied:
            if effect.about is not None:
                self._emit(EntryChanged(effect.about))
            if effect.entry is None:
                continue
            if effect.entry.seq != effect.event.seq:  # an edit, a deletion, a reaction: its target changed
                self._emit(EntryChanged(effect.entry))
            elif effect.request is not None:  # this account's own event, which was shown as being sent
                self._emit(EntryChanged(replace(effect.entry, request=effect.request)))
            else:
                self._emit(EntryAdded(effect.entry))


class Receiver:
    """Takes events out of the queue and writes them."""

    def __init__(
        self,
        queue: EventQueue,
        archive: Archive,
        state: State,
        publisher: Publisher,
        e2ee: E2ee,
    ) -> None:
        self._queue = queue
        self._archive = archive
        self._state = state
        self._publisher = publisher
        self._e2ee = e2ee

    async def run(self) -> None:
        """Write events until cancelled. Raises ArchiveError."""
        while True:
            runs = await self._queue.take()
            for (room, live), together in groupby(runs, key=lambda run: (run.room, run.live)):
                await self._write(room, [event for run in together for event in run.events], live=live)

    async def _write(self, room: RoomId, events: Sequence[LogEvent], *, live: bool) -> None:
        on = self._e2ee.encrypted_from(room, events)
        await self._write_open(room, events[:on], live=live)
        events = events[on:]
        for start in range(0, len(events), _SEALED_AT_ONCE):
            applied = await self._e2ee.take(room, events[start : start + _SEALED_AT_ONCE])
            await self._publisher.publish(room, applied, live=live)

    async def _write_open(self, room: RoomId, events: Sequence[LogEvent], *, live: bool) -> None:
        if not events:
            return
        mentions = [self._state.names_me(event.body) for event in events]
        applied = await self._archive.write(insertion.receive, events, mentions, events[-1].seq)
        await self._publisher.publish(room, applied, live=live)
