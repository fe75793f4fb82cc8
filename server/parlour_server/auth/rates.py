"""Token buckets by key: how often an address or a session may ask.

A bucket that is full again is forgotten, and there is a cap on how many are kept, so that a flood of
addresses costs no memory. It never waits: over the rate it raises. The HTTPS API and ``tickets`` call it.
"""

import math
from typing import Final

from parlour_server.clock import Clock
from parlour_server.errors import TooManyAttemptsError

_MOST_BUCKETS: Final = 20_000


class Rates:
    """``per_minute`` on the average, ``burst`` at once, for each key."""

    def __init__(self, clock: Clock, *, per_minute: int, burst: int) -> None:
        self._clock = clock
        self._per_second = per_minute / 60
        self._burst = float(burst)
        # For each key the time at which its bucket will be full again (GCRA: one number says it all).
        self._full_at: dict[str, float] = {}

    def spend(self, key: str) -> None:
        """Take one token. Raises TooManyAttemptsError with the seconds until there is one."""
        now = self._clock.monotonic()
        full_at = max(self._full_at.get(key, now), now) + 1 / self._per_second
        over = (full_at - now) - self._burst / self._per_second
        if over > 1e-9:  # noqa: PLR2004 - rounding of a sum of fractions
            raise TooManyAttemptsError(math.ceil(over))
        if key not in self._full_at and len(self._full_at) >= _MOST_BUCKETS:
            self._forget(now)
        self._full_at[key] = full_at

    def _forget(self, now: float) -> None:
        """Drop full buckets; where that is not enough, the older half: a flood must not grow the table."""
        kept = [(key, at) for key, at in self._full_at.items() if at > now]
        self._full_at = dict(kept[-_MOST_BUCKETS // 2 :])
