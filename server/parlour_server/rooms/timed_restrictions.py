"""Mutes and bans in time: one rule for when they hold, for everybody who asks."""

from parlour_protocol.ids import Millis


def in_force(until: Millis | None, at: Millis) -> bool:
    """Tell whether a mute or a ban holds: None is none, 0 is for good, else it ends at that time."""
    return until is not None and (until == 0 or until > at)
