"""When free memory goes back to the operating system."""

import ctypes
import platform
from pathlib import Path

import pytest

from parlour_server.core.net.malloc_trim import MallocTrim, glibc_trim


def trims(*counts: int) -> int:
    """Return how often the heap is trimmed while there are so many sockets, one count after the other."""
    trimmed: list[int] = []
    heap = MallocTrim(lambda: trimmed.append(1))
    for count in counts:
        heap.note(count)
    return len(trimmed)


def test_a_wave_that_is_over_is_trimmed_once() -> None:
    """Once when most are gone, and again only after another wave."""
    assert trims(10, 500, 400, 251) == 0
    assert trims(10, 500, 250, 250, 200, 0) == 2
    assert trims(500, 0, 500, 0) == 2


def test_a_small_server_and_a_steady_one_are_not_trimmed() -> None:
    """What a few sockets leave is not worth it."""
    assert trims(99, 0, 99, 0) == 0
    assert trims(*[1000, 600] * 50) == 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is free")
def test_glibc_gives_back_what_it_kept() -> None:
    """Pieces freed below one that stays are the process's until it is trimmed."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    pieces = [libc.malloc(2000) for _ in range(16_000)]
    for piece in pieces:
        ctypes.memset(piece, 1, 2000)
    *below, top = pieces
    for piece in below:
        libc.free(piece)
    before = resident_pages()
    glibc_trim()()
    assert before - resident_pages() > 5_000  # of some 7,800
    libc.free(top)


def resident_pages() -> int:
    """Return how many pages of this process are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1])
