"""Changes of memberships and consent that this server has handled, until the journal tells of them.

The journal has every such change, for servers whose notification was lost; those who got it do nothing twice.
"""

from collections.abc import Hashable
from typing import Final

_MOST: Final = 4_096
"""The journal is read four times a second: older ones are not coming."""


class HandledChanges:
    """A limited number of the latest, each with how often it was handled."""

    def __init__(self) -> None:
        self._times: dict[Hashable, int] = {}

    def add(self, change: Hashable) -> None:
        """Record that one was handled."""
        self._times[change] = self._times.pop(change, 0) + 1
        if len(self._times) > _MOST:
            del self._times[next(iter(self._times))]

    def take(self, change: Hashable) -> bool:
        """Return whether one was handled that was not taken yet, and take it."""
        times = self._times.pop(change, 0)
        if times > 1:
            self._times[change] = times - 1
        return times > 0
