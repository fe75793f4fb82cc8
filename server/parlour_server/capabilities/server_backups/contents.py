"""The contents of a backup: the database, keys and configuration, and uploaded files.

Both forms of a backup (`archive.py`, `repository.py`) are written from a snapshot. SQLite's own backup copies
the database, so a running server can keep writing. A backup is not trusted when it is read: only members with
known names and limited sizes are taken, and each must have the SHA-256 that the manifest gives. The digests
find damage, not forgery.
"""

import fcntl
import hashlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec

from parlour_protocol.kit.ids import ID_PATTERN
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.schema import Schema

CHUNK: Final = 1024 * 1024
_MODE: Final = 0o600
_FILE: Final = re.compile(ID_PATTERN)
_SMALL: Final = 1024 * 1024
"""The largest key, certificate or configuration: each has a few kilobytes."""
_UNBOUNDED: Final = 2**62
_TEMPORARY: Final = ".backup-unfinished-"
_COMPRESSED: Final = 32
"""File systems that compress store at most 128 KiB in 4 KiB (btrfs, ZFS)."""


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the data folder, as a manifest lists it: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


class Backup(Protocol):
    """A backup that can be read: a file, or one of a folder."""

    @property
    def place(self) -> Path:
        """The file or folder, for sentences."""
        ...

    @property
    def members(self) -> Mapping[str, Member]:
        """Every file in it, by its path in the data folder; each has a known name and a limited size."""
        ...

    @property
    def incarnation(self) -> str | None:
        """The incarnation of its logs; None if its database is too damaged to tell."""
        ...

    def copy(self, name: str, out: BinaryIO | None) -> str:
        """Copy a member to ``out``, or only read it; returns its SHA-256. Raises SetupError, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The contents of a backup, as they were at one time."""

    database: Path
    """A copy that nothing writes to."""
    incarnation: str | None
    damage: Callable[[], list[str]]
    """Read the whole copy; return what is damaged in it, as sentences."""
    files: tuple[tuple[str, Path], ...]
    """Configuration, certificates and keys, by name."""
    uploads: tuple[tuple[str, Path], ...]
    """Uploaded files, which never change; a running server may remove some meanwhile."""


@contextmanager
def snapshot(schema: Schema, folder: DataFolder, target: Path) -> Iterator[Snapshot]:
    """Copy the database for a backup to ``target``, and list everything else. Raises SetupError.

    A damaged database is copied as it is, because its readable part is worth keeping.
    """
    if target.resolve().is_relative_to(folder.path.resolve()):
        raise SetupError(
            f"{target} lies in the data folder, and would be lost with it; choose a place on another disk"
        )
    with temporary_folder(folder.path, "copy the database") as work:
        copy = work / folder.database.name
        _copy_database(folder.database, copy)
        yield Snapshot(
            copy,
            _incarnation(copy),
            partial(schema.damage, copy),
            tuple((path.name, path) for path in folder.files),
            # After the database: files uploaded since have no record, files removed since are not needed.
            tuple((f"{path.parent.name}/{path.name}", path) for path in _uploads(folder)),
        )


@contextmanager
def temporary_folder(parent: Path, purpose: str) -> Iterator[Path]:
    """Create a temporary folder in ``parent``, to ``purpose`` into. Raises SetupError.

    Those that commands which were killed left there are removed.
    """
    try:
        _remove_left(parent)
        work, lock = _make_locked(parent)
    except OSError as error:
        raise SetupError(
            f"cannot {purpose} into a temporary folder in {parent}: {error.strerror}; run this as someone who"
            " can write there"
        ) from error
    try:
        with work as name:
            yield Path(name)
    finally:
        os.close(lock)


def _make_locked(parent: Path) -> "tuple[tempfile.TemporaryDirectory[str], int]":
    while True:
        work = tempfile.TemporaryDirectory(dir=parent, prefix=_TEMPORARY)
        with suppress(FileNotFoundError):  # another command removed it before it was locked
            lock = os.open(work.name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            with suppress(OSError):  # where folders can't be locked, none is removed either
                fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink:
                return work, lock
            os.close(lock)


def _remove_left(parent: Path) -> None:
    """Remove temporary folders that no running command has locked."""
    for path in parent.glob(f"{_TEMPORARY}*"):
        with suppress(OSError):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(folder).st_uid == os.geteuid():
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path)
            finally:
                os.close(folder)


def largest(known: DataFolder, name: str) -> int | None:
    """Return the most bytes that the member ``name`` may have; None if no backup has such a member.

    The database has no limit of its own.
    """
    if name == known.database.name:
        return _UNBOUNDED
    if name in {path.name for path in known.files}:
        return _SMALL
    return known.uploads.max_bytes if known.uploads is not None and is_upload(known, name) else None


def is_upload(known: DataFolder, name: str) -> bool:
    """Return whether a member is an uploaded file."""
    parent, _, file_id = name.rpartition("/")
    return known.uploads is not None and parent == known.uploads.name and _FILE.fullmatch(file_id) is not None


def copy_bytes(source: BinaryIO, size: int, out: BinaryIO | None) -> str:
    """Copy the next ``size`` bytes, or only read them; returns their SHA-256."""
    digest = hashlib.sha256()
    while size and (chunk := source.read(min(size, CHUNK))):
        size -= len(chunk)
        digest.update(chunk)
        if out is not None:
            out.write(chunk)
    return digest.hexdigest()


def check_digest(backup: Backup, name: str, digest: str) -> None:
    """Raise SetupError unless it is the one that the manifest has for this member."""
    if digest != backup.members[name].sha256:
        raise damaged(backup.place, f"{name} is damaged (its SHA-256 differs)")


def refuse_larger_than_disk(place: Path, size: int) -> None:
    """Raise SetupError if a backup says that it has more bytes than the disk that it is on can hold.

    A file with holes can be as long as someone likes, and reading it takes as long.
    """
    if size > _COMPRESSED * shutil.disk_usage(place).total:
        why = f"it would have {size // 1024**2:,} MiB, more than the disk that it is on can hold"
        raise damaged(place, why)


def not_a_backup(known: DataFolder, place: Path, why: str) -> SetupError:
    """Return the error for a file or folder that no backup made."""
    return SetupError(f"{place} is not a backup of a {known.program.title} server: {why}")


def damaged(place: Path, why: str) -> SetupError:
    """Return the error for a backup that is not as it was written."""
    return SetupError(f"the backup {place} is damaged: {why}; take another one")


class HashingReader:
    """A file that is hashed while it is read."""

    def __init__(self, data: BinaryIO) -> None:
        self._data = data
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Read like a file."""
        chunk = self._data.read(size)
        self.digest.update(chunk)
        return chunk


def _incarnation(database: Path) -> str | None:
    """Return the incarnation of the logs, None if the database is too damaged."""
    with suppress(SetupError):
        found = SqliteEngine(database).incarnation()
        return found and found[0]
    return None


def _uploads(folder: DataFolder) -> list[Path]:
    if folder.uploads is None:
        return []
    return sorted(
        path for path in (folder.path / folder.uploads.name).glob("*") if _FILE.fullmatch(path.name)
    )


def _copy_database(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without -wal and -shm beside it
    except sqlite3.Error as error:
        raise SetupError(f"cannot copy the database: {error}") from error
