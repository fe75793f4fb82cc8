"""A folder by its descriptor: what someone puts in its place, or in the place of one in it, is not followed.

A folder of backups may lie where others write too. Everything in it is reached from the one descriptor that
was opened and locked, by names of one part, and no link is followed on the way.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from parlour_server.capabilities.server_backups.contents import damaged
from parlour_server.core.private_file import private_file

_MODE: Final = 0o700
_NO_FOLDER: Final = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class NoFolderError(Exception):
    """The folder does not exist, or is a link or a file."""


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """An open folder. Its methods raise OSError."""

    path: Path
    """For sentences."""
    descriptor: int

    @contextmanager
    def folder(self, name: str) -> Iterator["OpenFolder"]:
        """Open a folder in it. Raises NoFolderError."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER:
                raise
            raise NoFolderError(name) from error
        try:
            yield OpenFolder(self.path / name, descriptor)
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """Return the names of all that is in it."""
        return os.listdir(self.descriptor)  # noqa: PTH208 - a Path has no descriptor

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes; None if there is none."""
        try:
            found = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    @contextmanager
    def reading(self, name: str, size: int | None, place: Path) -> Iterator[BinaryIO]:
        """Open a plain file, which has this size if one is given. Raises SetupError, naming ``place``."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            descriptor = os.open(name, flags, dir_fd=self.descriptor)
        except FileNotFoundError as error:
            raise damaged(place, f"{name} is missing") from error
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise damaged(place, f"{name} is not a plain file") from error
        with os.fdopen(descriptor, "rb") as data:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise damaged(place, f"{name} is not a plain file")
            if size is not None and found.st_size != size:
                raise damaged(place, f"{name} has {found.st_size} bytes instead of {size}")
            yield data

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Write a private file, which is there when the block has ended well. Raises SetupError."""
        return private_file(Path(name), folder=self.descriptor)

    def write(self, name: str, data: bytes) -> None:
        """Write a private file, whole or not at all. Raises SetupError."""
        with self.writing(name) as out:
            out.write(data)

    def make_folder(self, name: str) -> None:
        """Make a private folder."""
        os.mkdir(name, _MODE, dir_fd=self.descriptor)

    def rename(self, old: str, new: str) -> None:
        """Give something in it another name."""
        os.rename(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=self.descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove a folder in it, with what is there."""
        shutil.rmtree(name, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Write its entries to the disk."""
        os.fsync(self.descriptor)
