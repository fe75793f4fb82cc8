"""How long messages are kept: what the server and a room's owner set, what applies, and what is announced.

The shorter of the two counts. A change that removes more applies only after a notice period, so that members
learn of it before; one that keeps more applies at once. Pure functions.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.frames.bodies import RetentionSet
from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.ids import Millis

_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Messages are kept ``days`` (None: for ever), and ``next_days`` from ``next_from`` on; 0: no change."""

    days: int | None = None
    next_days: int | None = None
    next_from: Millis = Millis(0)  # noqa: RUF009 - a NewType

    def at(self, time: int) -> int | None:
        """Return the days that apply at a time."""
        return self.next_days if self.next_from and time >= self.next_from else self.days

    def settled(self, now: Millis) -> "RetentionPolicy":
        """Return the same policy without an announcement that has come true."""
        return RetentionPolicy(self.at(now)) if self.next_from and now >= self.next_from else self

    def changed(self, days: int | None, now: Millis, notice: int) -> "RetentionPolicy":
        """Return the policy after someone set it to ``days``; ``notice`` is in milliseconds."""
        current = self.at(now)
        if _length(days) >= _length(current) or notice <= 0:
            return RetentionPolicy(days)
        if self.next_from > now and days == self.next_days:
            return self  # announced already
        return RetentionPolicy(current, days, Millis(now + notice))

    def changed_by(self, body: RetentionSet, at: Millis) -> "RetentionPolicy":
        """Return the policy after this event; its notice period ends when it says."""
        return self.settled(at).changed(body.days, at, max(0, (body.applies or at) - at))


def shorter(
    server: RetentionPolicy, room: RetentionPolicy, removed_before: Millis | None
) -> Retention | None:
    """Return what members of a room see; None if everything is kept and was always kept."""
    days = shortest(server.days, room.days)
    next_days, next_from = None, None
    for time in sorted({policy.next_from for policy in (server, room) if policy.next_from}):
        then = shortest(server.at(time), room.at(time))
        if then != days:
            next_days, next_from = then, time
            break
    if days is None and next_from is None and removed_before is None:
        return None
    return Retention(days=days, next_days=next_days, next_from=next_from, removed_before=removed_before)


def shortest(first: int | None, other: int | None) -> int | None:
    """Return the shorter of two lengths; None is for ever."""
    return first if _length(first) <= _length(other) else other


def _length(days: int | None) -> float:
    return _NEVER if days is None else days
