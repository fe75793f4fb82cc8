"""When a device renews its own keys in a room, so that a stolen state is soon worth little. Pure.

Direct rooms: when the direction of the conversation turns, at most once a minute. Other rooms: after joining,
after a day of membership in which something was written, after 200 own messages, and after a long sleep. Each
is spread at random, and more widely after a mass add, so that a big tree fills without a storm of commits.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from parlour_protocol.kit.ids import Millis

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
OWN_MESSAGES: Final = 200
MOST_UNSEEN: Final = 20
"""Own messages after which a program checks again how many were sent."""
LONG_SLEEP: Final = 10 * MINUTE
"""Milliseconds without our own timers running: the machine was suspended."""
TURN_AT_MOST: Final = MINUTE
_JITTER_ROOM: Final = 10_000
"""Milliseconds over which members of a small room spread."""
_PER_DEVICE: Final = 500
"""Milliseconds more for each device of a big one: 200 devices commit over 110 s after a mass add."""


@dataclass(frozen=True, slots=True)
class RenewalFacts:
    """The facts that the rule uses. Times are milliseconds; None: never."""

    direct: bool
    devices: int
    joined: Millis | None
    renewed: Millis | None
    """When this device last renewed its keys here."""
    sent: int
    """Messages of this device since then."""
    last_written: Millis | None
    """When anyone last wrote something here."""
    turned: bool = False
    """The message being sent answers one of someone else: the direction of the conversation turns."""
    slept: Millis | None = None
    """When the machine last woke up from a long sleep."""


def due(facts: RenewalFacts, now: Millis) -> bool:
    """Say whether a renewal is due."""
    if facts.devices < 2 or facts.joined is None:  # noqa: PLR2004 - alone, there is nobody to heal towards
        return False
    since = facts.renewed
    if since is None or since > now + HOUR:
        # After joining: until then the leaf's keys are those of the key package. A clock that was wrong must
        # not delay it.
        return True
    if facts.slept is not None and facts.slept > since:
        return True
    if facts.sent >= OWN_MESSAGES:
        return True
    if facts.direct and facts.turned:
        return now - since >= TURN_AT_MOST
    return now - since >= DAY and facts.last_written is not None and facts.last_written > since


def quiet(facts: RenewalFacts, now: Millis) -> tuple[int, Millis]:
    """Return how many more own messages, and until when, ``due`` stays false unless the direction turns.

    Only while the group stays as it is and the machine does not sleep. Never many: another program of the
    same home may send as well.
    """
    if due(facts, now) or facts.renewed is None:
        return 0, now
    return min(MOST_UNSEEN, OWN_MESSAGES - facts.sent - 1), Millis(max(now, facts.renewed + DAY))


def delay(facts: RenewalFacts, chance: Random) -> float:
    """Return seconds to wait before it, so that not all members commit at once."""
    if facts.direct:
        return 0.0 if facts.turned else chance.uniform(0.2, 2.0)
    spread = _JITTER_ROOM + _PER_DEVICE * facts.devices
    return chance.uniform(0.5, spread / 1_000)
