"""Token buckets: limit bursts, and the rate in the long run.

A bucket holds up to ``burst`` tokens and fills steadily. Without enough tokens, a request is refused with the
time to wait, never queued. Time is the caller's monotonic clock, so setting the system clock has no effect.
Connections limit requests and bytes with them (R1), the API the requests of an address.
"""

import ipaddress
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)

MINUTE: Final = 60.0
"""Seconds."""
HOUR: Final = 3600.0
DAY: Final = 86_400.0
_FIRST_SWEEP: Final = 256
_OWN: Final = "the program's own"


class TokenBucket:
    """One budget. It starts full."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, amount: float, *, per: float, burst: float, now: float) -> None:
        """Allow ``amount`` in each ``per`` seconds, and ``burst`` at once."""
        self._rate = amount / per
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, now: float, amount: float = 1.0) -> float:
        """Take ``amount`` and return 0.0, or take nothing and return the seconds to wait.

        An amount above the burst is never available: callers limit it.
        """
        level = self._level + (now - self._at) * self._rate
        level = min(level, self._burst)
        self._at = now
        if level >= amount:
            self._level = level - amount
            return 0.0
        self._level = level
        return (amount - level) / self._rate

    def charge(self, now: float, amount: float) -> None:
        """Take ``amount`` that was already used, even beyond what is available."""
        self.take(now, 0.0)
        self._level -= amount

    def is_full(self, now: float) -> bool:
        """Return whether the bucket is full, so that it can be forgotten."""
        return self._level + (now - self._at) * self._rate >= self._burst


class KeyedBuckets(Generic[_K]):
    """A bucket for each key (an account, an address), kept as long as it is not full.

    A full bucket is the same as none, so memory is bounded by the recently busy keys, and forgetting one
    refills nothing.
    """

    __slots__ = ("_amount", "_buckets", "_burst", "_per", "_sweep_at", "setting")

    def __init__(self, amount: float, *, per: float, burst: float, setting: str = _OWN) -> None:
        """Allow each key ``amount`` in each ``per`` seconds, and ``burst`` at once.

        ``setting`` is what an operator would change to allow more; refusals are counted by it.
        """
        self.setting = setting
        self._amount = amount
        self._per = per
        self._burst = burst
        self._buckets: dict[_K, TokenBucket] = {}
        self._sweep_at = _FIRST_SWEEP

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: _K, now: float, amount: float = 1.0, *, times: int = 1) -> float:
        """Take from this key's bucket: 0.0, or the seconds to wait.

        ``times``: the servers that share the limit; each takes the amount for all, but never more than a
        full bucket has.
        """
        if amount < self._burst:
            amount = min(amount * times, self._burst)
        return self._bucket(key, now).take(now, amount)

    def charge(self, key: _K, now: float, amount: float) -> None:
        """Take what was already used from this key's bucket."""
        self._bucket(key, now).charge(now, amount)

    def _bucket(self, key: _K, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self.sweep(now)
            bucket = TokenBucket(self._amount, per=self._per, burst=self._burst, now=now)
            self._buckets[key] = bucket
        return bucket

    def sweep(self, now: float) -> None:
        """Forget full buckets. Runs by itself whenever their number has doubled."""
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._buckets))


_V6_CUSTOMER: Final = 64  # one customer gets a whole /64 at least, so it counts as one address (H6)


def rate_limit_key(address: str) -> str:
    """Return the key for limits by address: the IPv4 address, or the IPv6 network."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _V6_CUSTOMER), strict=False))
