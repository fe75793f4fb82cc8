"""The garbage collector, kept from walking through every message again and again while somebody types.

A full collection looks at everything that lives, and with a hundred thousand messages that takes a tenth of a
second: a pause that one sees. What survived a full collection is set aside (``gc.freeze``), so the next one
looks at what is new alone. What was set aside and has become garbage since is found when nobody types. The
chat screen owns one.
"""

import gc
import time
from typing import Final

IDLE_SECONDS: Final = 60.0
"""Nobody typed for this long: a pause is not seen now."""
EVERY_SECONDS: Final = 600.0
"""Between two collections of everything."""


class Collector:
    """Freezes what survives. Only one at a time; ``stop`` puts everything back."""

    def __init__(self) -> None:
        self._typed = time.monotonic()

    def start(self) -> None:
        """From now on set aside what survives; what the start left behind goes with the first rest."""
        gc.freeze()
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Let the collector look at everything again."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
        gc.unfreeze()

    def typed(self) -> None:
        """Note that the person does something."""
        self._typed = time.monotonic()

    def rest(self) -> bool:
        """Collect everything if nobody does anything; say whether it was done."""
        if time.monotonic() - self._typed < IDLE_SECONDS:
            return False
        gc.unfreeze()
        gc.collect()  # its callback freezes what is left
        return True

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:  # noqa: PLR2004 - the oldest generation
            gc.freeze()
