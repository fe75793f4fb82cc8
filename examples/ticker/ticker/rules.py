"""How prices move: values in, values out. Nothing here knows of sockets, clocks or screens."""

from random import Random
from typing import Final

FIRST: Final = 10_000
"""Cents."""
STEP: Final = 50
HIGHEST: Final = 1_000_000


def moved(cents: int, chance: Random) -> int:
    """Return the next price: a step up or down, never below a cent and never above ``HIGHEST``."""
    return max(1, min(cents + chance.randint(-STEP, STEP), HIGHEST))
