"""Token buckets: how many things may be done at once, and how many in the long run.

A bucket holds up to ``burst`` tokens and fills steadily; what is asked for and not there is refused with the
time to wait, never queued. Time is the caller's monotonic clock, so that setting the system's clock gives no
one anything. The chat limits requests and bytes with them (R1), the API requests of an address.
"""

import ipaddress
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)

MINUTE: Final = 60.0
HOUR: Final = 3600.0
_FIRST_SWEEP: Final = 256


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
        """Take ``amount`` and return 0.0; or take nothing and return the seconds until it will be there.

        An amount above the burst is never there: callers bound it before.
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
        """Take ``amount`` that was used already, also where it is not there: then nothing is for a while."""
        self.take(now, 0.0)
        self._level -= amount

    def is_full(self, now: float) -> bool:
        """Return whether nothing would be lost by forgetting this bucket."""
        return self._level + (now - self._at) * self._rate >= self._burst


class KeyedBuckets(Generic[_K]):
    """A bucket for each key (an account, an address), kept as long as it is not full.

    A full bucket is the same as none, so the memory is bounded by the keys that were busy lately, and
    coming back under the same name a moment later does not refill anything.
    """

    __slots__ = ("_amount", "_buckets", "_burst", "_per", "_sweep_at")

    def __init__(self, amount: float, *, per: float, burst: float) -> None:
        """Allow each key ``amount`` in each ``per`` seconds, and ``burst`` at once."""
        self._amount = amount
        self._per = per
        self._burst = burst
        self._buckets: dict[_K, TokenBucket] = {}
        self._sweep_at = _FIRST_SWEEP

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: _K, now: float, amount: float = 1.0) -> float:
        """Take from this key's bucket: 0.0, or the seconds to wait."""
        return self._bucket(key, now).take(now, amount)

    def charge(self, key: _K, now: float, amount: float) -> None:
        """Take from this key's bucket what was used already."""
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
    """Return what per-address caps count: the IPv4 address, or the IPv6 network that it is in."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _V6_CUSTOMER), strict=False))
