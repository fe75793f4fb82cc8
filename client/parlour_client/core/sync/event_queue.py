"""The queue between network and disk: events that were accepted in order and are not written yet.

``CatchUp`` puts runs of events in and waits while too many are unwritten; ``Receiver`` takes them out.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import RoomId

MAX_WAITING: Final = 1_000
"""Runs waiting to be written; above it nothing more is read from the server (backpressure)."""


@dataclass(frozen=True, slots=True)
class Run:
    """Events of one room whose numbers increase by one. ``live``: the server pushed them just now."""

    room: RoomId
    events: Sequence[LogEvent]
    live: bool


class EventQueue:
    """Runs of events, first in, first out."""

    def __init__(self) -> None:
        self._waiting: deque[Run] = deque()
        self._some = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def put(self, run: Run) -> None:
        """Queue a run."""
        self._waiting.append(run)
        self._some.set()
        self._drained.clear()

    async def has_space(self) -> None:
        """Wait while too much is unwritten."""
        if len(self._waiting) > MAX_WAITING:
            await self.drained()

    async def drained(self) -> None:
        """Wait until everything that was queued is written and the views are notified."""
        await self._drained.wait()

    async def take(self) -> Sequence[Run]:
        """Return all waiting runs, once there is one; those returned before are written by now."""
        if not self._waiting:
            self._drained.set()
        await self._some.wait()
        self._some.clear()
        runs, self._waiting = list(self._waiting), deque()
        return runs
