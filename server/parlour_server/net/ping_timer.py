"""The pulse: one timer for all connections, not one each.

A beat comes ``BEATS`` times in each ping interval. Each beat pings one share of the connections, so that ten
thousand pings never go out at once, and drops connections that were silent for ``SILENT_BEATS`` (R3, L30:
dead peers). It tells the heap how many sockets there are. Beats are counted, not seconds: after a machine
slept, no one was silent.
"""

import asyncio
from typing import Final

from parlour_server.net.connection_slots import ConnectionSlots
from parlour_server.net.malloc_trim import MallocTrim
from parlour_server.net.websocket_connection import ConnectionRegistry

BEATS: Final = 20
SILENT_BEATS: Final = 42
"""Two pings unanswered, and some: 42 seconds after the last byte, where pings are 20 seconds apart."""


class PingTimer:
    """Pings."""

    def __init__(
        self, registry: ConnectionRegistry, slots: ConnectionSlots, heap: MallocTrim, ping_seconds: float
    ) -> None:
        """Watch over the connections in ``registry`` and the sockets that ``slots`` counts."""
        self._registry = registry
        self._slots = slots
        self._heap = heap
        self._interval = ping_seconds / BEATS
        self._beats = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._next)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def beat(self) -> None:
        """Do one beat's work."""
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
        self.start()
        self.beat()
