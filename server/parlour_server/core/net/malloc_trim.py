"""Returns memory to the operating system after many connections have closed.

glibc returns only memory that is free at the top of its heap, and its thread cache keeps the memory there:
500 closed connections would leave the process 25 MiB larger permanently. ``malloc_trim`` returns the rest. It
is called after a wave of connections, not periodically; without such a function in the C library nothing is
done.
"""

import ctypes
from collections.abc import Callable
from typing import Final

_WAVE: Final = 100  # sockets; an open one takes some 50 KiB, so that fewer leave less than 5 MiB


def glibc_trim() -> Callable[[], object]:
    """Return glibc's malloc_trim(3), or a function that does nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return _nothing if trim is None else lambda: trim(0)


class MallocTrim:
    """Watches the number of sockets, and trims when most of many have closed."""

    def __init__(self, trim: Callable[[], object]) -> None:
        self._trim = trim
        self._most = 0

    def note(self, sockets: int) -> None:
        """Record the number of open sockets; the ping timer calls it at each beat."""
        self._most = max(self._most, sockets)
        if sockets <= self._most // 2 and self._most - sockets >= _WAVE:
            self._most = sockets
            self._trim()


def _nothing() -> None:
    """Leave the memory to the C library."""
