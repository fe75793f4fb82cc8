"""Looks into the memory of a process of one's own, from /proc: Linux only."""

import os
from contextlib import suppress
from pathlib import Path


def resident(pid: int) -> int:
    """Return its resident memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def holds(pid: int, needle: bytes) -> bool:
    """Tell whether it stands anywhere in the writable memory, in use or freed."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if "w" not in rights:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            with suppress(OSError):  # the kernel's own
                if needle in memory.read(end - start):
                    return True
    return False
