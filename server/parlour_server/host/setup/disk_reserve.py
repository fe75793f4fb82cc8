"""Reserves a little disk space that is released when the disk is full, so that a server can start.

SQLite needs a small file beside the database before it can read a row, so on a completely full disk no one
could read. The reserve is a file in the data folder. It is removed at a start without other space, and
created again later. Nothing here raises.
"""

import contextlib
import secrets
import shutil
from typing import Final

from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.output import warn
from parlour_server.core.private_file import write_private

RESERVE_BYTES: Final = 256 * 1024
"""SQLite's WAL index takes 32 KiB, a certificate and the address file a little more."""
_ROOM: Final = 16 * RESERVE_BYTES
"""The free space needed to create a reserve, so that the reserve never fills the disk."""


def keep_reserve(folder: DataFolder) -> None:
    """Create the reserve if it is missing and there is space for it."""
    with contextlib.suppress(OSError, SetupError):
        if not folder.reserve.exists() and _free(folder) > _ROOM:
            # bytes that no file system can compress or omit
            write_private(folder.reserve, secrets.token_bytes(RESERVE_BYTES))


def give_up_reserve(folder: DataFolder) -> bool:
    """Remove the reserve if the disk is full; False if there is none, or other space."""
    try:
        if _free(folder) > RESERVE_BYTES:
            return False
        folder.reserve.unlink()
    except OSError:
        return False
    warn(
        "disk_full",
        folder=str(folder.path),
        consequence="people can read but not write",
        do="free some disk space; no restart is needed",
    )
    return True


def _free(folder: DataFolder) -> int:
    return shutil.disk_usage(folder.path).free
