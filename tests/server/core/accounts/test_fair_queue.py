"""L13: the queue's promises, against any sequence of what can happen to it."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from parlour_server.core.accounts.fair_queue import FairQueue
from parlour_server.core.errors import UnavailableError

TOTAL, PER_KEY = 6, 4
KEYS = st.sampled_from("abc")


class Model(RuleBasedStateMachine):
    """A queue beside lists that say what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: FairQueue[str, int] = FairQueue(total=TOTAL, per_key=PER_KEY)
        self.waiting: dict[str, list[int]] = {key: [] for key in "abc"}
        self.running: list[str] = []
        self.next = 0

    @rule(key=KEYS)
    def put(self, key: str) -> None:
        """Refuse only who has as much waiting as anyone; take a place only from who has most."""
        self.next += 1
        mine, most = len(self.waiting[key]), max(len(items) for items in self.waiting.values())
        full = sum(len(items) for items in self.waiting.values()) >= TOTAL
        try:
            lost = self.queue.put(key, self.next)
        except UnavailableError:
            assert mine >= PER_KEY or (full and most <= mine + 1)
            return
        self.waiting[key].append(self.next)
        if lost is None:
            assert not full
        else:
            [loser] = [other for other, items in self.waiting.items() if lost in items]
            assert loser != key
            assert len(self.waiting[loser]) == most
            assert self.waiting[loser].pop() == lost

    @rule()
    def take(self) -> None:
        """Take the oldest of a key that has no more running than any other that waits."""
        taken = self.queue.take()
        if taken is None:
            assert not any(self.waiting.values())
            return
        key, item = taken
        assert self.waiting[key].pop(0) == item
        others = [other for other, items in self.waiting.items() if items]
        assert all(self.running.count(key) <= self.running.count(other) for other in others)
        self.running.append(key)

    @rule(key=KEYS)
    def finished(self, key: str) -> None:
        """One less runs."""
        if key in self.running:
            self.running.remove(key)
            self.queue.finished(key)

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        """Someone hangs up."""
        item = self.waiting[key].pop() if self.waiting[key] else 0
        self.queue.remove(key, item)

    @invariant()
    def counts(self) -> None:
        """Nothing is forgotten or kept."""
        assert len(self.queue) == sum(len(items) for items in self.waiting.values()) <= TOTAL
        assert set(self.queue._running) == set(self.running)
        assert set(self.queue._turns) <= set(self.running) | {k for k, items in self.waiting.items() if items}


TestFairQueue = Model.TestCase
