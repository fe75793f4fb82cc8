"""Which clock decides about keys: never only the server's.

This device's own decisions (when to delete and renew keys, whose certificates have expired) use its own
clock. A commit in the log, which all members must judge alike, is judged by the event's time, which all of
them see; local clocks would split the group. Devices that this device adds are judged by both clocks, because
a server that sets its own clock back could bring an old key package into a group. Pure.
"""

from dataclasses import dataclass
from typing import Final

from parlour_client.kit.language import _
from parlour_mls import Lifetime
from parlour_protocol.identity import Certificate
from parlour_protocol.kit.ids import Millis

KEEP_PAST: Final = 300_000
"""Milliseconds that the keys of a past epoch are kept for late messages."""
SKEW: Final = 3_600_000
"""Milliseconds that clocks may differ."""
TOLERANCE: Final = 86_400_000
"""Milliseconds that this device's own clock may be off when it adds someone: it is not always set."""


@dataclass(frozen=True, slots=True)
class Ended:
    """When an epoch ended: by its event, and by this device's clock."""

    at: Millis
    here: Millis

    def keeps(self, at: Millis, here: Millis) -> bool:
        """Say whether late messages of the epoch may still arrive, by both clocks.

        A server that stops its clock, or sets it back, can't keep keys alive; neither can this device's
        clock.
        """
        return at - self.at <= KEEP_PAST and -SKEW <= here - self.here <= KEEP_PAST


def trouble_of_adding(lifetime: Lifetime | None, certificate: Certificate, here: Millis) -> str:
    """Say why this device's clock does not allow adding a device; empty if it does."""
    begins, ends = int(certificate.created), int(certificate.expires)
    if lifetime is not None:
        begins, ends = max(begins, lifetime.not_before * 1_000), min(ends, lifetime.not_after * 1_000)
    if here > ends + TOLERANCE:
        return _("it has expired by the clock of this device")
    if here < begins - TOLERANCE:
        return _("it is not valid yet by the clock of this device")
    return ""
