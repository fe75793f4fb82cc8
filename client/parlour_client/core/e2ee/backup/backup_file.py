"""A backup as a file: its chunks, then its manifest. Read twice, so that nothing is taken from a bad one.

The whole file is written beside its place and gets its name at the end; nothing is overwritten.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from parlour_client.core.e2ee.backup.sealed import (
    SEALED_BYTES,
    START,
    AlteredBackupError,
    BackupKey,
    IncompleteBackupError,
    Manifest,
    digest_of,
)
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.private_files import open_private

_MAGIC: Final = b"parlour backup 1\n"
_CHUNK: Final = b"c"
_MANIFEST: Final = b"m"
_LENGTH: Final = 4


def write(
    path: Path, key: BackupKey, backup: bytes, parts: Iterable[bytes], finish: Callable[[int, bytes], bytes]
) -> None:
    """Write a backup; ``finish`` gets the number of chunks and the last digest, and seals the manifest.

    Raises SetupError if the file is there or cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        if path.exists():
            raise FileExistsError(str(path))
        new.unlink(missing_ok=True)
        with os.fdopen(open_private(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(_MAGIC)
            number, previous = 0, START
            for part in parts:
                sealed = key.seal_chunk(backup, number, previous, part)
                _put(file, _CHUNK, sealed)
                number, previous = number + 1, digest_of(sealed)
            _put(file, _MANIFEST, finish(number, previous))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except FileExistsError as error:
        raise SetupError(_("{path} exists already.").format(path=path), _("Choose another name.")) from error
    except OSError as error:
        raise SetupError(
            _("The backup can't be written: {why}.").format(why=error.strerror or error)
        ) from error
    finally:
        new.unlink(missing_ok=True)


class BackupFile:
    """A whole backup of this account, with every chunk checked."""

    def __init__(self, path: Path, key: BackupKey, user: str, server: str) -> None:
        """Check all of it. Raises SetupError if it can't be read, BackupError if it is refused."""
        self._path = path
        self._key = key
        sealed = b""
        for kind, size, file in self._frames():
            if kind == _MANIFEST:
                sealed = file.read(size)
        self.manifest: Manifest = key.open_manifest(sealed, user, server)
        for _part in self.parts():
            pass

    def parts(self) -> Iterator[bytes]:
        """Yield what the chunks hold, in order. Raises as the constructor, if the file was changed since."""
        yield from self._key.chunks(self.manifest, self._sealed())

    def _sealed(self) -> Iterator[bytes]:
        for kind, size, file in self._frames():
            if kind == _CHUNK:
                yield file.read(size)

    def _frames(self) -> Iterator[tuple[bytes, int, BinaryIO]]:
        """Yield the kind and size of each part, and the file at its beginning; the last is the manifest."""
        try:
            with self._path.open("rb") as file:
                end = os.fstat(file.fileno()).st_size
                if file.read(len(_MAGIC)) != _MAGIC:
                    raise SetupError(_("{path} is not a backup of Parlour.").format(path=self._path))
                kind = _CHUNK
                while kind == _CHUNK:
                    kind, size = file.read(1), int.from_bytes(file.read(_LENGTH), "big")
                    at = file.tell()
                    if not kind or at + size > end:
                        raise IncompleteBackupError(_("The end of this backup is missing."))
                    if size > SEALED_BYTES:
                        raise AlteredBackupError(_("This backup was changed or damaged."))
                    yield kind, size, file
                    file.seek(at + size)
                if kind != _MANIFEST or file.read(1):
                    raise AlteredBackupError(_("This backup was changed or damaged."))
        except OSError as error:
            raise SetupError(
                _("The backup can't be read: {why}.").format(why=error.strerror or error)
            ) from error


def _put(file: BinaryIO, kind: bytes, sealed: bytes) -> None:
    file.write(kind + len(sealed).to_bytes(_LENGTH, "big") + sealed)
