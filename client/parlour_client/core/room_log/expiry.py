"""Which missing events a room's retention explains, and which a server only says it removed.

A server removes old messages of a room and says up to where (``Page.kept_from``). It is believed only about
events that can be old enough: the room must have a retention that its members see, and whatever came after an
event, or after this device last had everything, is younger than that. What is younger and missing is withheld
(``room_log.missing``). Ages are by this device's clock: nothing of the last day ever expired, whatever a
server says. Pure functions.
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.ids import Millis, Seq

_DAY: Final = 86_400_000
_TOLERANCE: Final = 3_600_000
"""How far the server's clock and this device's may be apart."""
_SHORTEST: Final = _DAY
"""The shortest retention that there is."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """The events of a room that may have expired by now.

    ``days`` is the time that it keeps messages now, as its members see, and ``removed_before`` when the
    youngest one that it removed can be from (0: it removed none). Events above ``here``, which is on this
    device, are no older than ``complete``.
    """

    days: int | None
    now: Millis
    complete: Millis = Millis(0)  # noqa: RUF009 - a NewType
    here: Seq = Seq(0)  # noqa: RUF009 - a NewType
    removed_before: Millis = Millis(0)  # noqa: RUF009 - a NewType

    @classmethod
    def of(
        cls,
        retention: Retention | None,
        now: Millis,
        complete: Millis = Millis(0),  # noqa: B008 - a NewType
        here: Seq = Seq(0),  # noqa: B008 - a NewType
    ) -> "Expiry":
        """Return what may have expired by a room's retention."""
        if retention is None:
            return cls(None, now, complete, here)
        return cls(_days(retention, now), now, complete, here, retention.removed_before or Millis(0))

    @property
    def is_possible(self) -> bool:
        """Whether anything can have expired."""
        return self.days is not None or self.removed_before > 0

    @property
    def horizon(self) -> Millis:
        """Events younger than this can't have expired."""
        by_days = 0 if self.days is None else self.now - self.days * _DAY
        before = min(self.removed_before, self.now - _SHORTEST)
        return Millis(max(by_days, before) + _TOLERANCE)

    @property
    def cause(self) -> int | None:
        """For how long messages are kept, if that explains what expired; None: they were kept for less."""
        if self.days is None or self.removed_before > self.now - self.days * _DAY + _TOLERANCE:
            return None
        return self.days

    def explains(self, last: Seq, after: Millis | None, kept_from: Seq) -> bool:
        """Say whether events up to ``last`` can have been removed; the one before them is from ``after``."""
        if not self.is_possible or last >= kept_from:
            return False
        oldest = max(self.complete if last > self.here else 0, after or 0)
        return oldest <= self.horizon


def in_force(retention: Retention | None, now: Millis) -> Retention | None:
    """Return what applies now: an announced change takes effect when its time has come."""
    if retention is None or retention.next_from is None or retention.next_from > now:
        return retention
    settled = replace(retention, days=retention.next_days, next_days=None, next_from=None)
    return None if settled == Retention() else settled


def lengthened(retention: Retention, days: int | None, at: Millis) -> Retention:
    """Return a retention after it was set to ``days``: what the one before may have removed stays removed."""
    kept, before = retention.days, retention.removed_before
    if kept is not None and (days is None or days > kept):
        before = Millis(max(before or 0, at - kept * _DAY, 0))
    return replace(retention, days=days, next_days=None, next_from=None, removed_before=before)


def _days(retention: Retention, now: Millis) -> int | None:
    applies = retention.next_from is not None and retention.next_from <= now + _TOLERANCE
    lengths = (retention.days, retention.next_days if applies else None)
    return min((days for days in lengths if days is not None), default=None)
