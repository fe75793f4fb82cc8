"""Limits the log lines that strangers, and single accounts, can cause (R6, L19: log floods).

What one source does again and again is logged at first, then counted and summarised once a minute. Strangers'
refusals are counted by address; their lines in all and the number of separately counted addresses are limited
as well, so no one can fill the log or the memory. No I/O, no clock.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.token_buckets import TokenBucket

MINUTE: Final = 60.0
FIRST: Final = 10
"""Lines of one kind from one address in a minute."""
FIRST_OF_ACCOUNT: Final = 20
"""Lines of one kind about what one account did in a minute."""
LINES_PER_SECOND: Final = 5
BURST: Final = 50
MOST_SOURCES: Final = 200
"""Pairs of kind and address that are counted separately in a minute."""
ELSEWHERE: Final = "elsewhere"


@dataclass(frozen=True, slots=True)
class Summary:
    """How many events of a kind from a source were not logged one by one, in how many seconds."""

    event: str
    source: str
    count: int
    seconds: int


class LineLimiter:
    """Counts events by kind and source."""

    def __init__(self, now: float, *, first: int = FIRST, has_caps: bool = True) -> None:
        """Begin a minute. ``first``: lines of one kind from one source in a minute.

        Without caps the lines in all, and the sources, are not limited: they must be accounts.
        """
        self._first = first
        self._has_caps = has_caps
        self._began = now
        self._lines = TokenBucket(LINES_PER_SECOND, per=1.0, burst=BURST, now=now)
        self._logged: Counter[tuple[str, str]] = Counter()
        self._counted: Counter[tuple[str, str]] = Counter()

    def should_log(self, event: str, source: str, now: float) -> bool:
        """Return whether this one gets a line of its own; otherwise it is counted."""
        key = (event, source)
        if self._has_caps and key not in self._logged and len(self._logged) >= MOST_SOURCES:
            self._counted[event, ELSEWHERE] += 1
            return False
        if self._logged[key] < self._first and not (self._has_caps and self._lines.take(now)):
            self._logged[key] += 1
            return True
        self._logged.setdefault(key, 0)
        self._counted[key] += 1
        return False

    def due(self, now: float) -> list[Summary]:
        """Return the counts once a minute is over, and begin the next."""
        return self.end(now) if now - self._began >= MINUTE else []

    def end(self, now: float) -> list[Summary]:
        """Return the current counts, and begin the next minute."""
        seconds = max(1, round(now - self._began))
        found = [Summary(event, source, count, seconds) for (event, source), count in self._counted.items()]
        self._began = now
        self._logged.clear()
        self._counted.clear()
        return found
