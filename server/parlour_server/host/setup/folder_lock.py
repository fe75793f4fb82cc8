"""One server per data folder: a lock that the kernel releases however its process ends.

A second server would overwrite the address of the first, and invite links would lead to a closed port (L22).
The lock is on the folder itself, so it needs no file, works on a full disk, and a killed server leaves
nothing behind. Commands except `migrate` take no lock, so that they work while a server runs.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.02  # a command that checks holds the lock for some microseconds


@contextmanager
def locked(folder: DataFolder) -> Iterator[None]:
    """Hold the folder's lock. Raises SetupError while another process holds it."""
    busy = f"a server is already running on {folder.path}; stop it first, or use another folder"
    with hold(folder.path, busy=busy):
        yield


@contextmanager
def hold(path: Path, *, busy: str, shared: bool = False) -> Iterator[int]:
    """Hold the lock on a folder, alone or ``shared``; gives its descriptor.

    Raises SetupError with the sentence ``busy``.
    """
    descriptor = _open(path)
    try:
        for _ in range(_TRIES):
            if _take(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
                break
            time.sleep(_PAUSE_SECONDS)
        else:
            raise SetupError(busy)
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(folder: DataFolder) -> bool:
    """Return whether a server runs on this folder."""
    descriptor = _open(folder.path)
    try:
        return not _take(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SetupError(f"cannot open the folder {path}: {error.strerror}") from error


def _take(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
