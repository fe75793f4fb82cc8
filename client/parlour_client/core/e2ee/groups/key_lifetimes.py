"""Which clock decides about keys: never only the server's.

What this device decides alone (when to forget and renew keys, whose certificates have expired) goes by its
own clock. What all members must decide alike, a commit in the log, goes by the event's time, which all of
them see; local clocks would split the group. What this device adds is judged by both clocks, because a
server that sets its own clock back could bring an old key package into a group. Pure.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.identity import Certificate
from parlour_protocol.ids import Millis
from parlour_protocol.mls import Lifetime

KEEP_PAST: Final = 300_000
"""Milliseconds that the keys of a past epoch are kept for late messages."""
SKEW: Final = 3_600_000
"""Milliseconds that clocks may differ."""
TOLERANCE: Final = 86_400_000
"""Milliseconds that this device's own clock may be wrong when it adds someone: it is not always set."""


@dataclass(frozen=True, slots=True)
class Ended:
    """When an epoch ended: by its event, and by this device's clock."""

    at: Millis
    here: Millis

    def keeps(self, at: Millis, here: Millis) -> bool:
        """Say whether late messages of the epoch may still come, by both clocks.

        A server that lets its time stand still, or turns it back, keeps no keys alive by that; neither does a
        clock of ours that was set back.
        """
        return at - self.at <= KEEP_PAST and -SKEW <= here - self.here <= KEEP_PAST


def trouble_of_adding(lifetime: Lifetime | None, certificate: Certificate, here: Millis) -> str:
    """Say why a device must not be added by this device's own clock; empty: nothing is in the way."""
    begins, ends = int(certificate.created), int(certificate.expires)
    if lifetime is not None:
        begins, ends = max(begins, lifetime.not_before * 1_000), min(ends, lifetime.not_after * 1_000)
    if here > ends + TOLERANCE:
        return "it has expired by the clock of this device"
    if here < begins - TOLERANCE:
        return "it is not valid yet by the clock of this device"
    return ""
