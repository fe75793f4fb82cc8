"""Derives a key from a passphrase: Argon2id, as expensive as this machine can bear, never below a floor.

The floor applies on any machine and under any load; above it the cost grows until one guess takes between
half a second and a second. The cost is stored with the wrapped key, so a file from elsewhere opens as well.
``key`` uses it.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from parlour_protocol.kit.secret import Secret

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
MAX_OPERATIONS: Final = 20
MAX_MEMORY: Final = 1 << 30
"""Bytes; a key file that asks for more would stop the machine."""
MAX_LANES: Final = 16
_SOON: Final = 0.5
"""Seconds that a guess should take at least, if the machine allows it."""
_WANTED: Final = 0.75
_MUCH_MEMORY: Final = 256 << 20
"""Bytes up to which memory grows before the number of passes does."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one guess of the passphrase: passes, bytes of memory, Argon2 lanes."""

    operations: int
    memory: int
    lanes: int = 1


FLOOR: Final = Cost(operations=3, memory=64 << 20, lanes=4)


def stretched(passphrase: Secret, salt: bytes, cost: Cost) -> bytes:
    """Return the key of a passphrase. Raises ValueError for an impossible cost."""
    from argon2.exceptions import HashingError  # noqa: PLC0415 - only where there is a passphrase
    from argon2.low_level import Type, hash_secret_raw  # noqa: PLC0415

    try:
        return hash_secret_raw(
            passphrase.reveal().encode(),
            salt,
            time_cost=cost.operations,
            memory_cost=cost.memory >> 10,
            parallelism=cost.lanes,
            hash_len=KEY_BYTES,
            type=Type.ID,
        )
    except HashingError as error:
        raise ValueError("this cost cannot be spent here") from error


def seconds(cost: Cost) -> float:
    """Return how long one guess takes on this machine, now. Raises ValueError for lack of memory."""
    began = time.perf_counter()
    stretched(Secret("measured"), bytes(SALT_BYTES), cost)
    return time.perf_counter() - began


def calibrated(measure: Callable[[Cost], float] = seconds) -> Cost:
    """Return a cost at which a guess takes 0.5 to 1 s here; at least the floor, however slow that is."""
    cost, took = FLOOR, measure(FLOOR)
    while took < _SOON and cost.operations < MAX_OPERATIONS:
        if cost.memory < _MUCH_MEMORY:
            dearer = replace(cost, memory=cost.memory * 2)
        else:
            passes = math.ceil(cost.operations * _WANTED / max(took, 0.01))
            dearer = replace(cost, operations=min(MAX_OPERATIONS, max(cost.operations + 1, passes)))
        try:
            took = measure(dearer)
        except ValueError:  # this machine has too little memory: keep the last cost that worked
            break
        cost = dearer
    return cost
