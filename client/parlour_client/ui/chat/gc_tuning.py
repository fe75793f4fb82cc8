"""Keeps the garbage collector from walking through every message again and again while someone types.

A full collection visits every live object, and with a hundred thousand messages that takes a tenth of a
second: a visible pause. Survivors of a full collection are set aside (``gc.freeze``), so the next one visits
only new objects. Frozen objects that have become garbage since are collected when no one types. The chat
screen owns one.
"""

import gc
import time
from typing import Final

IDLE_SECONDS: Final = 60.0
"""No one typed for this long: a pause is not noticed now."""
EVERY_SECONDS: Final = 600.0
"""Seconds between two collections of everything."""


class Collector:
    """Freezes survivors. Only one at a time; ``stop`` restores the defaults."""

    def __init__(self) -> None:
        self._typed = time.monotonic()

    def start(self) -> None:
        """From now on freeze survivors; garbage of the start is collected at the first rest."""
        gc.freeze()
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Let the collector visit everything again."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
        gc.unfreeze()

    def typed(self) -> None:
        """Remember that the person does something."""
        self._typed = time.monotonic()

    def rest(self) -> bool:
        """Collect everything if no one does anything; say whether it was done."""
        if time.monotonic() - self._typed < IDLE_SECONDS:
            return False
        gc.unfreeze()
        gc.collect()  # its callback freezes the survivors
        return True

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:  # noqa: PLR2004 - the oldest generation
            gc.freeze()
