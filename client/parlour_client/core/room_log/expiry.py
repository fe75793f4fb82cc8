"""Which missing events a room's retention explains, and which a server only says it removed.

A server removes old messages of a room and says up to where (``Page.kept_from``). It is believed only about
events that can be old enough: the room must have a retention that its members see, and whatever came after an
event, or after this device last had everything, is younger than that. What is younger and missing is withheld
(``room_log.missing``). Pure functions.
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.ids import Millis, Seq

_DAY: Final = 86_400_000
_TOLERANCE: Final = 3_600_000
"""How far the server's clock and this device's may be apart."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """What may have expired in a room by now.

    ``days`` is the shortest time that it keeps or kept messages, as its members see. Events above ``here``,
    which is on this device, are no older than ``complete``.
    """

    days: int | None
    now: Millis
    complete: Millis = Millis(0)  # noqa: RUF009 - a NewType
    here: Seq = Seq(0)  # noqa: RUF009 - a NewType

    @property
    def horizon(self) -> Millis:
        """What is younger than this can't have expired."""
        return Millis(0 if self.days is None else self.now - self.days * _DAY + _TOLERANCE)

    def explains(self, last: Seq, after: Millis | None, kept_from: Seq) -> bool:
        """Say whether events up to ``last`` can have been removed; the one before them is from ``after``."""
        if self.days is None or last >= kept_from:
            return False
        oldest = max(self.complete if last > self.here else 0, after or 0)
        return oldest <= self.horizon


def in_force(retention: Retention | None, now: Millis) -> Retention | None:
    """Return what applies now: an announced change takes effect when its time has come."""
    if retention is None or retention.next_from is None or retention.next_from > now:
        return retention
    settled = replace(retention, days=retention.next_days, next_days=None, next_from=None)
    return None if settled == Retention() else settled


def shortest_days(retention: Retention | None, now: Millis) -> int | None:
    """Return the shortest time for which messages of a room are or were kept, up to now; None: for ever."""
    if retention is None:
        return None
    applies = retention.next_from is not None and retention.next_from <= now + _TOLERANCE
    lengths = (retention.days, retention.removed_days, retention.next_days if applies else None)
    return min((days for days in lengths if days is not None), default=None)
