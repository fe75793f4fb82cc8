"""The folder of uploaded files: each is named by its id, has mode 0600, and is complete or absent.

A file is received in the folder `incoming`, locked by its upload, and moved into place only when its record
is in the store. So an unlocked file there belongs to an interrupted upload, and its record, if any, is void.
Names must be ids that the server created; any other is refused (CWE-22). Disk work runs in threads.
"""

import asyncio
import fcntl
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path
from typing import Final, TypeVar

from parlour_protocol.ids import FileId
from parlour_protocol.kit.ids import ID_PATTERN
from parlour_server.core.errors import SetupError, UnavailableError

_T = TypeVar("_T")
_NAME: Final = re.compile(ID_PATTERN)
_INCOMING: Final = "incoming"
_TAKEN: Final = ".unfinished"
"""The suffix of an upload that a sweep has taken over, and that can no longer be finished."""
_OLD_PART: Final = ".part"
"""The names of uploads that an earlier version began, beside the files."""
_CHUNK: Final = 256 * 1024


class Incoming:
    """A file that is being received."""

    def __init__(self, file: FileId, part: Path, final: Path, out: FileIO) -> None:
        self.file = file
        self.is_left = False
        self._part = part
        self._final = final
        self._out = out

    async def write(self, chunk: bytes) -> None:
        """Write more bytes. Raises UnavailableError for a full disk."""
        await _in_thread(lambda: _write_all(self._out, chunk))

    async def sync(self) -> None:
        """Flush the bytes to disk."""
        await _in_thread(lambda: os.fsync(self._out.fileno()))

    def leave(self) -> None:
        """Leave what there is to a sweep, as after a crash, because its record could not be deleted."""
        self.is_left = True

    async def keep(self) -> None:
        """Move the file into place."""
        await _in_thread(self._keep)

    def _keep(self) -> None:
        self._part.rename(self._final)
        _sync_folder(self._final.parent)


class BlobStore:
    """The folder of uploaded files."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; ``open`` creates it."""
        self._folder = folder
        self._incoming = folder / _INCOMING

    def open(self) -> None:
        """Create the folder if it is missing. Raises SetupError."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._incoming.mkdir(mode=0o700, exist_ok=True)
            for old in self._folder.glob(f"*{_OLD_PART}"):
                if _NAME.fullmatch(old.stem):
                    old.rename(self._incoming / old.stem)
        except OSError as error:
            raise SetupError(
                f"cannot create the folder {self._folder} ({error.strerror}): give the server's user the"
                f" right to write to {self._folder.parent}"
            ) from error

    def path(self, file: FileId) -> Path:
        """Return the path of a file. Raises ValueError unless the name is an id."""
        if not _NAME.fullmatch(file):
            raise ValueError("not the id of a file")
        return self._folder / file

    def has(self, file: FileId) -> bool:
        """Return whether the file's bytes are here."""
        return self.path(file).is_file()

    @asynccontextmanager
    async def receiving(self, file: FileId) -> AsyncIterator[Incoming]:
        """Receive a file, which is removed again unless it is kept or left. Raises UnavailableError."""
        final = self.path(file)
        part = self._incoming / final.name
        out = await _in_thread(lambda: _open_new(part))
        incoming = Incoming(file, part, final, out)
        try:
            yield incoming
        finally:
            if not incoming.is_left:
                part.unlink(missing_ok=True)
            out.close()  # this releases the lock as well, so no one finds the file in between

    async def read(self, file: FileId) -> AsyncIterator[bytes]:
        """Read a file in pieces. Raises UnavailableError when it cannot be read."""
        path = self.path(file)
        source = await _in_thread(lambda: path.open("rb", buffering=0))
        try:
            while chunk := await _in_thread(lambda: source.read(_CHUNK)):
                yield chunk
        finally:
            source.close()

    async def head(self, file: FileId, size: int) -> bytes:
        """Return the first bytes of a file; none if it is not here. Raises UnavailableError."""
        path = self.path(file)

        def read() -> bytes:
            try:
                with path.open("rb", buffering=0) as source:
                    return source.read(size)
            except FileNotFoundError:
                return b""

        return await _in_thread(read)

    async def remove(self, files: list[FileId]) -> None:
        """Remove the bytes of these files; those that are already gone are not an error."""
        paths = [self.path(file) for file in files]

        def unlink_all() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        await _in_thread(unlink_all)

    async def unfinished(self) -> list[FileId]:
        """Take over uploads that a crash interrupted; ``discard`` removes them."""
        return await _in_thread(self._unfinished)

    async def discard(self, files: list[FileId]) -> None:
        """Remove unfinished uploads; delete their records first."""
        left = [self._incoming / f"{self.path(file).name}{_TAKEN}" for file in files]

        def unlink_all() -> None:
            for path in left:
                path.unlink(missing_ok=True)

        await _in_thread(unlink_all)

    def _unfinished(self) -> list[FileId]:
        found = []
        for path in list(self._incoming.iterdir()):
            name = path.name.removesuffix(_TAKEN)
            if _NAME.fullmatch(name) and (name != path.name or _take_over(path)):
                found.append(FileId(name))
        return found


def _open_new(path: Path) -> FileIO:
    # O_EXCL, O_NOFOLLOW: never write through a link that someone put there
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    out = FileIO(descriptor, "wb")
    try:
        fcntl.flock(out, fcntl.LOCK_EX)
        if not _is_at(out, path):
            raise FileNotFoundError(path)  # a sweep took it over before the lock was held
    except OSError:
        out.close()
        raise
    return out


def _take_over(part: Path) -> bool:
    """Rename an upload whose writer has ended, which released its lock."""
    try:
        with part.open("rb", buffering=0) as found:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(found, part):
                part.rename(part.with_name(part.name + _TAKEN))
                return True
    except OSError:
        pass  # it is locked, or was kept or discarded meanwhile
    return False


def _is_at(file: FileIO, path: Path) -> bool:
    """Return whether the open file still has this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _write_all(out: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _in_thread(work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise UnavailableError("the disk refused the operation") from error
