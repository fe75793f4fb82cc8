"""Rate limits of the delivery service.

Someone who claims all of a person's key packages makes them fall back to the last resort (exhaustion), so
claims are limited by claimer, by pair of people and by owner. Nothing is queued; over a limit the answer is
429, or the device is left out. Bytes of commits are counted when they are sent: what someone tunnels through
them is bounded (D26).
"""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.token_buckets import HOUR, MINUTE, KeyedBuckets
from parlour_server.chat.settings import ChatRates, LargeBodies
from parlour_server.core.clock import Clock
from parlour_server.core.errors import TooManyAttemptsError
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.live_nodes import Nodes


class DeliveryBudgets:
    """The limits of all accounts, divided by the number of servers; full buckets are forgotten."""

    def __init__(
        self,
        rates: ChatRates,
        bodies: LargeBodies,
        clock: Clock,
        nodes: Nodes,
        hits: LimitHits,
    ) -> None:
        """``hits`` counts refusals."""
        self._hits = hits
        self._clock = clock
        self._nodes = nodes
        self._changes = _hourly(rates.key_changes_per_hour, "rates.key_changes_per_hour")
        self._ends = _hourly(rates.key_changes_per_hour, "rates.key_changes_per_hour")
        self._claims = _hourly(rates.claims_per_hour, "rates.claims_per_hour")
        self._of_person = _hourly(rates.claims_of_person_per_hour, "rates.claims_of_person_per_hour")
        self._pairs = _hourly(rates.claims_per_person_per_hour, "rates.claims_per_person_per_hour")
        self._commits: KeyedBuckets[UserName] = KeyedBuckets(
            rates.commits_per_minute,
            per=MINUTE,
            burst=rates.commits_per_minute,
            setting="rates.commits_per_minute",
        )
        self._commit_bytes = _hourly(rates.commit_bytes_per_hour, "rates.commit_bytes_per_hour")
        self._large = bodies.uploads_per_user
        self._under_way: Counter[UserName] = Counter()

    def change(self, user: UserName) -> None:
        """Count a change of keys. Raises TooManyAttemptsError."""
        self._spend(self._changes, user)

    def end(self, session: SessionId) -> None:
        """Count a change of keys that ends others: for each session, as a thief has one, too (P34)."""
        now, count = self._clock.monotonic(), self._nodes.count
        self._refuse_over(self._ends.take(session, now, times=count), self._ends.setting)

    def commit(self, user: UserName) -> None:
        """Count a commit or another message to a whole group. Raises TooManyAttemptsError."""
        self._spend(self._commits, user)

    def claim(self, claimer: UserName, devices: int) -> None:
        """Count a request for the key packages of this many devices. Raises TooManyAttemptsError."""
        self._spend(self._claims, claimer, devices)

    def may_take_from(self, claimer: UserName, owner: UserName) -> bool:
        """Count one key package of ``owner``; False over the limit."""
        if claimer == owner:  # a person's own new device enters all their rooms at once
            return True
        now, count = self._clock.monotonic(), self._nodes.count
        if self._pairs.take((claimer, owner), now, times=count):
            self._hits.hit(self._pairs.setting)
            return False
        if self._of_person.take(owner, now, times=count):
            self._hits.hit(self._of_person.setting)
            return False
        return True

    @contextmanager
    def large_json(self, user: UserName, size: int) -> Iterator[None]:
        """Hold a place for a commit, or for key packages, of ``size`` bytes. Raises TooManyAttemptsError."""
        with self.large_body(user):
            self._spend(self._commit_bytes, user, size)
            yield

    @contextmanager
    def large_body(self, user: UserName) -> Iterator[None]:
        """Hold one of the account's places for large bodies. Raises TooManyAttemptsError."""
        if self._under_way[user] >= self._nodes.divided(self._large):
            self._hits.hit("files.uploads_per_user")
            raise TooManyAttemptsError(1)
        self._under_way[user] += 1
        try:
            yield
        finally:
            self._under_way[user] -= 1
            if not self._under_way[user]:
                del self._under_way[user]

    def _spend(self, buckets: KeyedBuckets[UserName], user: UserName, amount: int = 1) -> None:
        wait = buckets.take(user, self._clock.monotonic(), amount, times=self._nodes.count)
        self._refuse_over(wait, buckets.setting)

    def _refuse_over(self, wait: float, setting: str) -> None:
        if wait > 0:
            self._hits.hit(setting)
            raise TooManyAttemptsError(math.ceil(wait))


def _hourly(amount: int, setting: str) -> KeyedBuckets[Any]:
    return KeyedBuckets(amount, per=HOUR, burst=amount, setting=setting)
