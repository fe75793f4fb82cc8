"""Files that only this user can read, on every system: opened without links, in a folder no one can replace.

POSIX does it with modes, flags and ``flock``; on Windows an ACL closes the user's profile to others, and a
lock is a locked byte. The home, the archive and the crash log use it. It never widens permissions.

The server's kit has the same check of the folders above a file (``setup/parents.py``, ``private_file.py``):
server and client never import each other, and the protocol, which both import, does no I/O.
"""

import os
import stat
import sys
from pathlib import Path
from typing import Final

from parlour_client.kit.language import _

_FLAGS: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_MOST_LINKS: Final = 40
HAS_MODES: Final = os.name == "posix"
"""Whether a file's mode says who may read it."""


def open_private(path: Path, flags: int) -> int:
    """Open a file, with mode 0600 if it is created; a symbolic link is refused. Raises OSError."""
    return os.open(path, flags | _FLAGS, 0o600)


def write_whole(path: Path, text: str) -> None:
    """Write a private file: all of it or nothing, also when the disk is full. Raises OSError."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(open_private(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


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


def exposed(path: Path) -> str | None:
    """Say what on the way to ``path`` lets others replace it with something else; None for nothing.

    Every folder above it, and every link, must belong to this user or to root; others may write there only
    with the sticky bit, as in /tmp. The user's own private group counts as the user.
    """
    if sys.platform == "win32":
        return None
    here, rest, links = Path(path.anchor), list(path.parts[1:]), 0
    while rest:
        name = rest.pop(0)
        here = here.parent if name == ".." else here / name
        try:
            status = here.lstat()
        except OSError:
            return None  # it does not exist: it is created private
        if status.st_uid not in {0, os.geteuid()} and (rest or stat.S_ISLNK(status.st_mode)):
            return _("{here} belongs to another user, who can put something else in its place").format(
                here=here
            )
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                return _("{path} leads through too many links").format(path=path)
            target = here.readlink()
            here, rest = here.parent, [*target.parts, *rest]
        elif rest and _others_write(status):
            return _(
                "others can write to the folder {here}, and put something else in the place of {name}"
            ).format(here=here, name=path.name)
    return None


def _others_write(status: os.stat_result) -> bool:
    if status.st_mode & stat.S_ISVTX:
        return False
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_private(status.st_gid)


def _is_private(group: int) -> bool:
    """Say whether a group is the user's own, with no one else in it."""
    if sys.platform == "win32":
        return False
    import grp  # noqa: PLC0415 - there on POSIX only
    import pwd  # noqa: PLC0415

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and user.pw_name == found.gr_name and set(found.gr_mem) <= {user.pw_name}
