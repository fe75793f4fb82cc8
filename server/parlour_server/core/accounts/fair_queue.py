"""A bounded queue that is fair by key: no key gets more turns by queueing more items (L13).

The next item belongs to the key with the fewest running items, and among those to the key that has waited
longest for a turn. When the queue is full, a key with fewer items takes the last place of the key with most,
so no one can keep others out by filling it. No I/O, no clock. ``HashingPool`` owns one; its keys are
addresses.
"""

from collections import Counter, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from parlour_server.core.errors import UnavailableError

_K = TypeVar("_K", bound=Hashable)
_T = TypeVar("_T")


class FairQueue(Generic[_K, _T]):
    """Waiting items, and the number of running items per key."""

    def __init__(self, *, total: int, per_key: int) -> None:
        """At most ``total`` items wait, and ``per_key`` of one key."""
        self._total = total
        self._per_key = per_key
        self._waiting: dict[_K, deque[_T]] = {}
        self._size = 0
        self._running: Counter[_K] = Counter()
        self._turns: dict[_K, int] = {}
        self._turn = 0

    def __len__(self) -> int:
        return self._size

    def put(self, key: _K, item: _T) -> _T | None:
        """Queue an item; returns an item of another key that lost its place. Raises UnavailableError."""
        mine = len(self._waiting.get(key, ()))
        if mine >= self._per_key:
            raise UnavailableError("too many requests from one address are waiting")
        lost = self._make_room(mine) if self._size >= self._total else None
        self._waiting.setdefault(key, deque()).append(item)
        self._size += 1
        return lost

    def take(self) -> tuple[_K, _T] | None:
        """Return the next key and item, which runs until ``finished``. None when nothing waits."""
        if not self._waiting:
            return None
        key = min(self._waiting, key=lambda key: (self._running[key], self._turns.get(key, 0)))
        item = self._waiting[key].popleft()
        self.started(key)
        self._taken_out(key)
        return key, item

    def started(self, key: _K) -> None:
        """Count a running item; call it directly for one that did not have to wait."""
        self._running[key] += 1
        self._turn += 1
        self._turns[key] = self._turn

    def finished(self, key: _K) -> None:
        """Count one running item less."""
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._forget(key)

    def remove(self, key: _K, item: _T) -> None:
        """Remove an item if it still waits."""
        items = self._waiting.get(key)
        if items is None or item not in items:
            return
        items.remove(item)
        self._taken_out(key)

    def _make_room(self, mine: int) -> _T:
        longest = max(self._waiting, key=lambda key: len(self._waiting[key]), default=None)
        if longest is None or len(self._waiting[longest]) <= mine + 1:
            raise UnavailableError("too many requests are waiting")
        item = self._waiting[longest].pop()
        self._taken_out(longest)
        return item

    def _taken_out(self, key: _K) -> None:
        self._size -= 1
        if not self._waiting[key]:
            del self._waiting[key]
            self._forget(key)

    def _forget(self, key: _K) -> None:
        if key not in self._waiting and key not in self._running:
            self._turns.pop(key, None)
