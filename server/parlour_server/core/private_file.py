"""Files that only their owner can read, written whole or not at all (O2)."""

import contextlib
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from parlour_server.core.errors import SetupError

_FILE_MODE: Final = 0o600
_UNFINISHED: Final = re.compile(r"\..+\.[0-9a-f]{8}\.unfinished")


def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file of mode 0600, whole or not at all. Raises SetupError.

    Without ``replace`` the first of several writers wins; the others get FileExistsError.
    """
    with private_file(path, replace=replace) as out:
        out.write(data)


@contextlib.contextmanager
def private_file(path: Path, *, replace: bool = True, folder: int | None = None) -> Iterator[BinaryIO]:
    """Write a file of mode 0600 piece by piece: it is there, whole, when the block has ended well.

    ``folder`` is the descriptor of the folder that ``path`` starts from. Raises SetupError; FileExistsError
    without ``replace``.
    """
    beside: Path | None = None
    try:
        beside, file = _begin(path, folder)
        with os.fdopen(file, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
            if replace:  # while it is locked
                os.replace(beside, path, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                os.link(beside, path, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        raise
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if beside is not None:
            with contextlib.suppress(OSError):
                os.unlink(beside, dir_fd=folder)


def remove_unfinished(folder: int) -> None:
    """Remove from a folder, by its descriptor, what processes that were killed had begun to write there.

    A file that is being written is locked, and stays.
    """
    for name in os.listdir(folder):
        if _UNFINISHED.fullmatch(name):
            with contextlib.suppress(OSError):
                _remove_unlocked(folder, name)


def _begin(path: Path, folder: int | None) -> tuple[Path, int]:
    """Make a new file beside the path, and lock it; returns its path and its descriptor."""
    while True:
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.unfinished")
        # O_EXCL: a file or link that someone put there is not followed.
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE, dir_fd=folder)
        with contextlib.suppress(OSError):  # where files can't be locked, none is removed either
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return beside, file
        os.close(file)  # another process removed it before it was locked


def _remove_unlocked(folder: int, name: str) -> None:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = os.fstat(file)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(file)
