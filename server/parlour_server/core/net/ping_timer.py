"""Pings: one timer for all connections.

It beats ``BEATS`` times in each ping interval. Each beat pings one share of the connections, so that ten
thousand pings never go out at once, and drops connections that were silent for ``SILENT_BEATS`` (R3, L30:
dead peers). It counts beats, not seconds: connections survive when the machine sleeps.
"""

import asyncio
from typing import Final

from parlour_server.core.net.connection_slots import ConnectionSlots
from parlour_server.core.net.malloc_trim import MallocTrim
from parlour_server.core.net.websocket_connection import ConnectionRegistry
from parlour_server.core.output import warn

BEATS: Final = 20
SILENT_BEATS: Final = 42
"""A little more than two unanswered pings: 42 seconds after the last byte, with pings every 20 seconds."""


LATE_SECONDS: Final = 1.0
"""A beat that is later than this is a line in the log: something blocked the loop, and everyone waited."""


class PingTimer:
    """Pings connections and drops silent ones."""

    def __init__(
        self, registry: ConnectionRegistry, slots: ConnectionSlots, heap: MallocTrim, ping_seconds: float
    ) -> None:
        """Watch the connections in ``registry`` and the sockets that ``slots`` counts."""
        self._registry = registry
        self._slots = slots
        self._heap = heap
        self._interval = ping_seconds / BEATS
        self._beats = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + self._interval
        self._timer = loop.call_at(self._due, self._next)

    def stop(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def beat(self) -> None:
        """Ping one share of the connections, and drop silent ones."""
        share = self._beats % BEATS
        self._beats += 1
        for connection in self._registry:
            if connection.silence >= SILENT_BEATS:
                connection.give_up()
            else:
                connection.silence += 1
                if connection.share % BEATS == share:
                    connection.ping()
        self._heap.note(len(self._slots))

    def _next(self) -> None:
        late = asyncio.get_running_loop().time() - self._due
        if late > LATE_SECONDS:
            what_to_do = "a handler must not block: let it await, or use asyncio.to_thread"
            warn("event_loop_blocked", seconds=round(late, 1), do=what_to_do)
        self.start()
        self.beat()
