"""A little room on the disk that is given back when there is none left, so that a server can start there.

SQLite needs a small file beside the database before it can read a row; on a disk that is full to the last
byte it could not be made, and no one could read. The reserve is a file of the data folder; what starts a
server gives it up where there is no other room, and makes it again when there is. It never raises.
"""

import contextlib
import secrets
import shutil
from typing import Final

from parlour_server.errors import SetupError
from parlour_server.logs import warn
from parlour_server.private_file import write_private
from parlour_server.setup.data_folder import DataFolder

RESERVE_BYTES: Final = 256 * 1024
"""SQLite's index of its log takes 32 KiB, a certificate and the note of the address a few more."""
_ROOM: Final = 16 * RESERVE_BYTES
"""What must be free before a reserve is made: it must not be what fills the disk."""


def keep_reserve(folder: DataFolder) -> None:
    """Make the reserve where it is missing and there is room for it."""
    with contextlib.suppress(OSError, SetupError):
        if not folder.reserve.exists() and _free(folder) > _ROOM:
            # bytes that no file system can compress or leave out
            write_private(folder.reserve, secrets.token_bytes(RESERVE_BYTES))


def give_up_reserve(folder: DataFolder) -> bool:
    """Remove the reserve where the disk is full; False when there is none, or there is other room."""
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
