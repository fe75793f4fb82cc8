"""Checks the parents of a private folder: anyone who can write there can replace it.

The data folder's own mode does not protect it (O2). This module changes nothing.
"""

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path
from typing import Final

_MOST_LINKS: Final = 40
CLOSED_BY: Final = ("format.json", "backups")
"""The file and the folder that mark a folder of copies, in which no server may be."""


def closed_folder_at(path: Path) -> Path | None:
    """Return the folder of copies that ``path`` is, or lies in; None if there is none."""
    here = path.resolve()
    file, folder = CLOSED_BY
    for place in (here, *here.parents):
        if os.path.isfile(place / file) and os.path.isdir(place / folder):  # noqa: PTH112, PTH113 - never raise
            return place
    return None


def exposed(path: Path) -> str | None:
    """Return a sentence about a parent that lets others replace ``path``; None if it is safe.

    Every folder above it, and every link, must belong to this user or to root; others may write there only
    with the sticky bit, as in /tmp. The user's own private group counts as the user.
    """
    here, rest, links = Path(path.anchor), list(path.parts[1:]), 0
    while rest:
        name = rest.pop(0)
        here = here.parent if name == ".." else here / name
        try:
            status = here.lstat()
        except OSError:
            return None  # it does not exist: it is created private
        if status.st_uid not in {0, os.geteuid()} and (rest or stat.S_ISLNK(status.st_mode)):
            return f"{here} belongs to another user, who can put something else in its place"
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                return f"{path} leads through too many links"
            target = here.readlink()
            here, rest = here.parent, [*target.parts, *rest]
        elif rest and _others_write(status):
            return (
                f"others can write to the folder {here}, and put something else in the place of {path.name}"
            )
    return None


def open_to_others(place: Path) -> str | None:
    """Return a sentence if others can write to the folder ``place``, or exchange it; None if they can't.

    Other owners are no matter here: who makes backups as root may keep them in someone's home folder.
    """
    here = place.resolve()
    for folder in (here, *here.parents):
        try:
            status = folder.stat()
        except OSError:
            continue  # it does not exist: it is created private
        # The sticky bit keeps others from exchanging what is in a folder, not from adding to it.
        if _others_write(status, sticky=folder != here):
            return f"others can write to the folder {folder}; `chmod go-w {shlex.quote(str(folder))}`"
    return None


def _others_write(status: os.stat_result, *, sticky: bool = True) -> bool:
    if sticky and status.st_mode & stat.S_ISVTX:
        return False
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_private(status.st_gid)


def _is_private(group: int) -> bool:
    """Return whether a group is the user's own, without other members."""
    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and user.pw_name == found.gr_name and set(found.gr_mem) <= {user.pw_name}
