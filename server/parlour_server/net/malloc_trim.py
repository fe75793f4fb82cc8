"""Gives memory back to the operating system once many connections are gone.

By itself glibc returns only what is free at the top of its heap. What was freed last lies there, and its
cache for the thread keeps that: 500 connections that are gone would leave the process 25 MiB larger
permanently. ``malloc_trim`` returns the rest. It is called when a wave of connections is over, never by the
clock; where the C library has no such function nothing is done.
"""

import ctypes
from collections.abc import Callable
from typing import Final

_WAVE: Final = 100  # sockets; an open one takes some 50 KiB, so that fewer leave less than 5 MiB


def glibc_trim() -> Callable[[], object]:
    """Return what gives free memory back: glibc's malloc_trim(3), or nothing elsewhere."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return _nothing if trim is None else lambda: trim(0)


class MallocTrim:
    """Watches how many sockets there are, and trims when most of many are gone."""

    def __init__(self, trim: Callable[[], object]) -> None:
        """Begin with no socket."""
        self._trim = trim
        self._most = 0

    def note(self, sockets: int) -> None:
        """Hear how many sockets are open now; the pulse tells it at each beat."""
        self._most = max(self._most, sockets)
        if sockets <= self._most // 2 and self._most - sockets >= _WAVE:
            self._most = sockets
            self._trim()


def _nothing() -> None:
    """Leave the memory to the C library."""
