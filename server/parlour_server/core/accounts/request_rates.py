"""Rate limits of the HTTPS API by address, and of tickets by session.

Over the rate ``spend`` raises with the time to wait; nothing is queued.
"""

import math

from parlour_protocol.kit.token_buckets import MINUTE, KeyedBuckets
from parlour_server.core.clock import Clock
from parlour_server.core.errors import TooManyAttemptsError
from parlour_server.core.quotas import Quotas


class RequestRates:
    """``per_minute`` in the long run, ``burst`` at once, for each key; divided by the number of servers."""

    def __init__(
        self,
        clock: Clock,
        quotas: Quotas,
        setting: str,
        *,
        per_minute: int,
        burst: int,
    ) -> None:
        """``hits`` counts refusals by ``setting``."""
        self._clock = clock
        self._setting = setting
        self._hits = quotas.hits
        self._nodes = quotas.nodes
        self._buckets: KeyedBuckets[str] = KeyedBuckets(per_minute, per=MINUTE, burst=burst)

    def spend(self, key: str) -> None:
        """Count one. Raises TooManyAttemptsError with the seconds until the next may come."""
        wait = self._buckets.take(key, self._clock.monotonic(), times=self._nodes.count)
        if wait > 0:
            self._hits.hit(self._setting)
            raise TooManyAttemptsError(math.ceil(wait))
