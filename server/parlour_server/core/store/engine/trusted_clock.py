"""The time that expiry goes by: a clock that jumps ahead must not delete history.

A clock that was seen regularly is trusted. One that is more than a day ahead of the last trusted time, after
a jump or a long stop of the server, is trusted again only after it was seen to run on from there for a day.
Pure; the caller keeps the values.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.ids import Millis

DAY: Final = 86_400_000
_LONGEST_STEP: Final = 3_600_000
"""The most that one look adds to the day of waiting: a further jump does not shorten it."""


@dataclass(frozen=True, slots=True)
class TrustedClock:
    """The newest trusted time, when the clock was last looked at, and for how long it has been ahead."""

    trusted: Millis
    looked: Millis
    held: int = 0

    @property
    def is_held(self) -> bool:
        """Whether the clock is too far ahead to be trusted yet."""
        return self.looked - self.trusted > DAY

    def look(self, now: Millis) -> "TrustedClock":
        """Return the state after looking at the clock; call it at least every hour."""
        if not self.trusted or now - self.trusted <= DAY:
            return TrustedClock(max(self.trusted, now), now)
        step = min(max(0, now - self.looked), _LONGEST_STEP) if self.is_held else 0
        held = self.held + step
        return TrustedClock(now, now) if held >= DAY else TrustedClock(self.trusted, now, held)
