"""Single-use tickets in memory: of any number of callers, one gets what a ticket stands for.

Only digests are kept (K2), until a deadline on the caller's monotonic clock, which nobody can set back (K4).
No I/O, no clock.
"""

from typing import Generic, TypeVar

G = TypeVar("G")


class TooManyTicketsError(Exception):
    """As many unused tickets as allowed; some will expire soon."""


class SingleUseTickets(Generic[G]):
    """What each ticket stands for, until it is taken or expires."""

    def __init__(self, most: int) -> None:
        """Keep at most this many."""
        self._most = most
        self._tickets: dict[bytes, tuple[float, G]] = {}

    def put(self, ticket: bytes, grant: G, *, now: float, seconds: float) -> None:
        """Keep the digest of a ticket for this many seconds. Raises TooManyTicketsError."""
        self._drop_oldest_expired(now)
        if len(self._tickets) >= self._most:
            self._tickets = {key: kept for key, kept in self._tickets.items() if kept[0] > now}
        if len(self._tickets) >= self._most:
            raise TooManyTicketsError
        self._tickets[ticket] = (now + seconds, grant)

    def take(self, ticket: bytes, now: float) -> G | None:
        """Return what the ticket stands for, once: every call invalidates it (K3: replay)."""
        held = self._tickets.get(ticket)
        if held is None:
            return None
        del self._tickets[ticket]
        deadline, grant = held
        if now >= deadline:
            return None
        return grant

    def _drop_oldest_expired(self, now: float) -> None:
        """Drop expired tickets from the front: they are in the order of arrival."""
        while self._tickets:
            oldest = next(iter(self._tickets))
            if self._tickets[oldest][0] > now:
                return
            del self._tickets[oldest]
