"""Files that are ours alone, on every system: opened without following links, locked without waiting.

POSIX says it with modes, flags and ``flock``; on Windows the user's profile is closed to others by its ACL,
and a lock is a locked byte. The home, the archive and the crash log call it. Never widens any right.
"""

import os
import sys
from pathlib import Path
from typing import Final

_FLAGS: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
HAS_MODES: Final = os.name == "posix"
"""Whether a file's mode says who may read it."""


def open_private(path: Path, flags: int) -> int:
    """Open a file with mode 0600 if it is made; a link in its place is refused. Raises OSError."""
    return os.open(path, flags | _FLAGS, 0o600)


def lock(descriptor: int) -> bool:
    """Lock the open file for this process; False when another one has it. Ends when it is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - there only

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - there only

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def belongs_to_another(path: Path) -> bool:
    """Say whether a file is another user's, where the system tells."""
    return sys.platform != "win32" and path.stat().st_uid != os.geteuid()
