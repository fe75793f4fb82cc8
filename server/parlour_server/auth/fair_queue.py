"""A bounded queue that is fair by key: whose turn it is depends on who waits, not on how many wait (L13).

The next item is of the key that has the fewest running, and among those of the key whose last turn is longest
ago: a key that had none yet goes first. When the queue is full, a key with fewer waiting takes the place of
the last one of the key with most, so no one can keep others out by filling it. No I/O, no clock.
``passwords`` owns one; its keys are addresses.
"""

from collections import Counter, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from parlour_server.errors import UnavailableError

_K = TypeVar("_K", bound=Hashable)
_T = TypeVar("_T")


class FairQueue(Generic[_K, _T]):
    """Items that wait, and how many of each key run."""

    def __init__(self, *, total: int, per_key: int) -> None:
        """Let ``total`` items wait, and ``per_key`` of one key."""
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
        """Let an item wait; returns one of another key that lost its place. Raises UnavailableError."""
        mine = len(self._waiting.get(key, ()))
        if mine >= self._per_key:
            raise UnavailableError("too many requests from one address are waiting")
        lost = self._make_room(mine) if self._size >= self._total else None
        self._waiting.setdefault(key, deque()).append(item)
        self._size += 1
        return lost

    def take(self) -> tuple[_K, _T] | None:
        """Return whose turn it is, and what; it runs until ``finished``. None when nothing waits."""
        if not self._waiting:
            return None
        key = min(self._waiting, key=lambda key: (self._running[key], self._turns.get(key, 0)))
        item = self._waiting[key].popleft()
        self.started(key)
        self._taken_out(key)
        return key, item

    def started(self, key: _K) -> None:
        """Count something that runs; on its own where it did not have to wait."""
        self._running[key] += 1
        self._turn += 1
        self._turns[key] = self._turn

    def finished(self, key: _K) -> None:
        """Count one less that runs."""
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._forget(key)

    def remove(self, key: _K, item: _T) -> None:
        """Take back an item that still waits; nothing when it does not."""
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
