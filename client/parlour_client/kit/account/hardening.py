"""Keeps this process's memory out of files and away from other processes of the same user.

Python cannot wipe the bytes of a key, so no crash may write them to a disk, and no debugger may read them. It
refuses nothing: where a system does not offer it, nothing happens. The command line and ``Client`` call it at
their start.
"""

import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # <sys/prctl.h>


def keep_memory_private() -> None:
    """Turn core dumps off, and on Linux also reading the memory through /proc and ptrace."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - Linux alone asks libc

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
