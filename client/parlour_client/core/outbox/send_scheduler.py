"""Picks the next request to send: the oldest one first, and one at a time for each room.

A room's next request is sent when the server has answered the one before, so that none overtakes another that
the server delayed: a sent request can't be recalled. Rooms do not wait for each other, but all wait after a
refusal for speed, since the server counts them together. The outbox makes one for each connection.
"""

import heapq
from collections.abc import Callable
from typing import Final

from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import Item
from parlour_client.kit.clock import Clock
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId

WINDOW: Final = 32
"""Rooms with an unanswered request at a time: other requests get half the slots."""


class SendScheduler:
    """The requests that wait, and the rooms with an unanswered one."""

    def __init__(self, clock: Clock, moved: Callable[[], None]) -> None:
        """Begin empty; ``moved`` is called when a message may be ready to send."""
        self._clock = clock
        self._moved = moved
        self._waiting: list[tuple[int, RequestId, Item]] = []
        self._behind: dict[RoomId, list[Item]] = {}
        self._going: set[RoomId] = set()
        self._holds = 0
        self._window = WINDOW

    def put(self, item: Item) -> None:
        """Queue a request at its place."""
        heapq.heappush(self._waiting, (item.position, item.request, item))
        self._moved()

    def take(self) -> Item | None:
        """Return the next request to send; its room waits until it is ``free``."""
        if self._holds or len(self._going) >= self._window:
            return None
        while self._waiting:
            _, _, item = heapq.heappop(self._waiting)
            room = item.frame.room
            if item.delivery is not Delivery.QUEUED:  # it was cancelled since, or has arrived
                continue
            if room in self._going:
                self._behind.setdefault(room, []).append(item)
                continue
            self._going.add(room)
            return item
        if not self._going:
            self._window = WINDOW  # nothing waits: the server keeps up again
        return None

    def free(self, room: RoomId) -> None:
        """Let a room send its next request."""
        self._going.discard(room)
        for item in self._behind.pop(room, ()):
            self.put(item)
        self._moved()

    def hold(self, seconds: float) -> None:
        """Send nothing for so many seconds."""
        self._holds += 1
        self._clock.call_later(seconds, self._go_on)

    def slow_down(self) -> None:
        """Send one at a time, until nothing waits any more."""
        self._window = 1

    def _go_on(self) -> None:
        self._holds -= 1
        self._moved()
