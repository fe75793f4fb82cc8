"""Writes incoming events: first to the archive, then to the room list, then to the views.

Events are written in batches on the archive's thread; those of an encrypted room are decrypted on the way. It
never asks the server: ``CatchUp`` decides what is accepted.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from parlour_client.core.archive import Archive, insertion
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.receive.publisher import Publisher
from parlour_client.core.sync.event_queue import EventQueue
from parlour_client.core.sync.state import State
from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import RoomId

_SEALED_AT_ONCE: Final = 200
"""Encrypted events in one transaction, which occupies the archive's thread for some 50 ms."""


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
