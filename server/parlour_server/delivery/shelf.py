"""The folder in which uploaded files lie: each under its id, 0600, whole or not at all.

While a file comes in it is called `ID.part`; only when its record is in the store does it get its name. So a
`.part` that is old belongs to an upload that never ended, and its record, if there is one, is void. Names are
ids of ours and nothing else: any other is refused here, whoever asks (CWE-22). Disk work runs in threads.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path
from typing import Final, TypeVar

from parlour_protocol.ids import ID_PATTERN, FileId
from parlour_server.errors import SetupError, UnavailableError

_T = TypeVar("_T")
_NAME: Final = re.compile(ID_PATTERN)
_PART: Final = ".part"
_CHUNK: Final = 256 * 1024


class Incoming:
    """A file that is being received."""

    def __init__(self, folder: Path, part: Path, final: Path, out: FileIO) -> None:
        self._folder = folder
        self._part = part
        self._final = final
        self._out = out

    async def write(self, chunk: bytes) -> None:
        """Write on. Raises UnavailableError for a full disk."""
        await _in_thread(lambda: _write_all(self._out, chunk))

    async def sync(self) -> None:
        """Bring the bytes to the disk."""
        await _in_thread(lambda: os.fsync(self._out.fileno()))

    async def keep(self) -> None:
        """Give the file its name."""
        await _in_thread(self._keep)

    def _keep(self) -> None:
        self._part.rename(self._final)
        _sync_folder(self._folder)


class Shelf:
    """The folder of uploaded files."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; ``open`` makes it."""
        self._folder = folder

    def open(self) -> None:
        """Make the folder where there is none. Raises SetupError."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"cannot make the folder {self._folder} ({error.strerror}): give the server's user the"
                f" right to write to {self._folder.parent}"
            ) from error

    def path(self, file: FileId) -> Path:
        """Return where a file lies. Raises ValueError for anything that is no id."""
        if not _NAME.fullmatch(file):
            raise ValueError("not the id of a file")
        return self._folder / file

    def has(self, file: FileId) -> bool:
        """Tell whether the file's bytes are here."""
        return self.path(file).is_file()

    @asynccontextmanager
    async def receiving(self, file: FileId) -> AsyncIterator[Incoming]:
        """Receive a file; unless ``keep`` was called, nothing is left of it. Raises UnavailableError."""
        final = self.path(file)
        part = final.with_name(final.name + _PART)
        out = await _in_thread(lambda: _open_new(part))
        try:
            yield Incoming(self._folder, part, final, out)
        finally:
            out.close()
            part.unlink(missing_ok=True)

    async def read(self, file: FileId) -> AsyncIterator[bytes]:
        """Read a file, some at a time. Raises UnavailableError when it cannot be read."""
        path = self.path(file)
        source = await _in_thread(lambda: path.open("rb", buffering=0))
        try:
            while chunk := await _in_thread(lambda: source.read(_CHUNK)):
                yield chunk
        finally:
            source.close()

    async def remove(self, files: list[FileId]) -> None:
        """Remove the bytes of these files; those that are gone already are no error."""
        paths = [self.path(file) for file in files]

        def unlink_all() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        await _in_thread(unlink_all)

    async def unfinished(self, before: float) -> list[FileId]:
        """Remove what uploads left that began before this time (seconds since 1970); return their ids."""
        return await _in_thread(lambda: self._unfinished(before))

    def _unfinished(self, before: float) -> list[FileId]:
        found = []
        for part in self._folder.glob(f"*{_PART}"):
            name = part.name.removesuffix(_PART)
            if _NAME.fullmatch(name) and part.stat().st_mtime < before:
                part.unlink(missing_ok=True)
                found.append(FileId(name))
        return found


def _open_new(path: Path) -> FileIO:
    # O_EXCL, O_NOFOLLOW: a link that somebody put there is not written through
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    return FileIO(descriptor, "wb")


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
        raise UnavailableError("the disk cannot do it") from error
