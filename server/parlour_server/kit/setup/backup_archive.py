"""Writes a server's data to one file, and restores it.

SQLite's own backup copies the database, so a running server can keep writing. The file is a plain tar with
mode 0600, because it contains private keys. Its last member, `manifest.json`, has the size and SHA-256 of
every other member, which detect damage, not forgery. A backup is not trusted when it is read: every header is
checked before a byte is unpacked, and everything except a regular file with a known name and a limited size
is refused. A failed restore leaves nothing behind. A restored server has a new incarnation of its logs, so
that clients notice that numbers are used again.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec

from parlour_protocol.kit.ids import ID_PATTERN
from parlour_server.kit.errors import SetupError
from parlour_server.kit.private_file import private_file
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.store.engine.sqlite_engine import SqliteEngine
from parlour_server.kit.store.schema import Schema

_MODE: Final = 0o600
_FILE: Final = re.compile(ID_PATTERN)
_BLOCK: Final = tarfile.BLOCKSIZE
_CHUNK: Final = 1024 * 1024
_SMALL: Final = 1024 * 1024
"""The largest key, certificate or configuration: each has a few kilobytes."""
_MANIFEST: Final = "manifest.json"
_MANIFEST_LINE: Final = 256
"""The largest manifest: bytes per member, and for itself."""


class _Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member in the manifest."""

    size: int
    sha256: str


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    format: Literal[1]
    members: dict[str, _Member]
    incarnation: str | None = None
    """Of its logs, to compare with `doctor`'s report on a folder."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The position of a member's bytes in the archive."""

    offset: int
    size: int


def write_backup(schema: Schema, folder: DataFolder, file: Path) -> list[str]:
    """Write the folder to a new file; returns the damage in the database, as sentences.

    A damaged database is copied as it is, because its readable part is worth keeping. Raises SetupError.
    """
    if file.exists():
        raise SetupError(f"{file} already exists; choose another name, because backups are never overwritten")
    with _temporary_copy(folder) as work:
        copy = work / folder.database.name
        _copy_database(folder.database, copy)
        found = schema.damage(copy)
        members: dict[str, _Member] = {}
        # GNU: sizes over 8 GiB fit into the header itself, so a backup needs no other headers
        with private_file(file) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in (copy, *folder.files):
                _add(tar, path, path.name, members)
            # After the database: files uploaded since have no record, files removed since are not needed.
            for path in _uploads(folder):
                _add(tar, path, f"{path.parent.name}/{path.name}", members)
            manifest = work / _MANIFEST
            manifest.write_bytes(msgspec.json.encode(_Manifest(1, members, _incarnation(copy))))
            _add(tar, manifest, _MANIFEST, {})
    return found


def verify_backup(known: DataFolder, file: Path) -> tuple[int, str | None]:
    """Check every digest of a backup; returns the number of members, and the incarnation of its logs.

    ``known`` names the files that may be in it; nothing is read from there. Raises SetupError.
    """
    with _opened(file) as archive:
        manifest, places = _read_manifest(known, file, archive)
        for name, place in places.items():
            _check(file, name, manifest.members[name], _copy(archive, place, None))
    return len(places), manifest.incarnation


def read_backup(schema: Schema, folder: DataFolder, file: Path, *, accept_damage: bool = False) -> list[str]:
    """Restore a backup into a new folder; returns the damage in its database, as sentences.

    Raises SetupError, leaving the folder empty; for a damaged database unless ``accept_damage``.
    """
    folder.create()
    if any(folder.path.iterdir()):
        raise SetupError(f"{folder.path} is not empty; restore into a new folder")
    with _opened(file) as archive:
        manifest, places = _read_manifest(folder, file, archive)
        _check_space(folder, places)
        with _temporary_copy(folder) as work, ExitStack() as undo:
            undo.callback(_remove, folder, places)
            if folder.uploads is not None:
                (folder.path / folder.uploads.name).mkdir(mode=0o700)
            database = work / folder.database.name
            for name, place in places.items():
                target = database if name == database.name else folder.path / name
                with private_file(target) as out:
                    _check(file, name, manifest.members[name], _copy(archive, place, out))
            found = schema.damage(database)
            if found and not accept_damage:
                raise SetupError(_DAMAGED.format(file=file, what=found[0]))
            _begin_incarnation(schema, file, database)
            # The database last: without it no server starts on a half-restored folder.
            database.replace(folder.database)
            undo.pop_all()
    return found


def _incarnation(database: Path) -> str | None:
    """Return the incarnation of the logs, None if the database is too damaged."""
    with suppress(SetupError):
        found = SqliteEngine(database).incarnation()
        return found and found[0]
    return None


def _begin_incarnation(schema: Schema, file: Path, database: Path) -> None:
    try:
        schema.begin_incarnation(database)
    except sqlite3.Error as error:
        raise _damaged(file, f"its database can't be written to ({error})") from error


_DAMAGED: Final = (
    "the database in {file} is damaged ({what}); restore an earlier backup,"
    " or what can be read of this one with --accept-damage"
)


@contextmanager
def _temporary_copy(folder: DataFolder) -> Iterator[Path]:
    """Create a temporary folder on the disk of the data. Raises SetupError."""
    try:
        work = tempfile.TemporaryDirectory(dir=folder.path, prefix=".backup-")
    except OSError as error:
        raise SetupError(
            f"cannot write to {folder.path}, where a backup first copies the database: {error.strerror}"
        ) from error
    with work as name:
        yield Path(name)


def _add(tar: tarfile.TarFile, path: Path, name: str, members: dict[str, _Member]) -> None:
    try:
        with path.open("rb") as data:
            info = tarfile.TarInfo(name)
            info.size, info.mode = os.fstat(data.fileno()).st_size, _MODE
            hashing = _Hashing(data)
            tar.addfile(info, hashing)
            members[name] = _Member(info.size, hashing.digest.hexdigest())
    except FileNotFoundError:
        return  # not every folder has every file, and a running server removes some


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, data: BinaryIO) -> None:
        self._data = data
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._data.read(size)
        self.digest.update(chunk)
        return chunk


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """Open a backup. Raises SetupError, also for system errors in the block."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise SetupError(f"{file} is not a file")
        with file.open("rb") as archive:
            yield archive
    except OSError as error:
        raise SetupError(f"cannot read the backup {file}: {error.strerror}") from error


def _read_manifest(
    known: DataFolder, file: Path, archive: BinaryIO
) -> tuple[_Manifest, Mapping[str, _Place]]:
    """Check every header, then the manifest; returns it and the position of each other member."""
    places = _walk(known, file, archive)
    place = places.pop(_MANIFEST, None)
    if place is None:
        raise SetupError(
            f"{file} has no manifest: it was cut off, or an earlier version made it"
            " (such a backup can be unpacked with `tar` into a folder of mode 700; then run `doctor`)"
        )
    if place.size > _MANIFEST_LINE * (len(places) + 1):
        raise _no_backup(known, file, "its manifest is too large")
    archive.seek(place.offset)
    try:
        manifest = msgspec.json.decode(archive.read(place.size), type=_Manifest)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise _damaged(file, "its manifest cannot be read") from error
    if manifest.members.keys() != places.keys():
        raise _damaged(file, "its manifest does not match the files in it")
    if known.database.name not in places:
        raise _no_backup(known, file, "it contains no database")
    for name, found in places.items():
        if manifest.members[name].size != found.size:
            raise _damaged(file, f"{name} has {found.size} bytes instead of {manifest.members[name].size}")
    return manifest, places


def _walk(known: DataFolder, file: Path, archive: BinaryIO) -> dict[str, _Place]:
    """Return every member, checked only by its header.

    Only plain headers are known, each of one block: a link, a device, a sparse file or a header that extends
    another one is refused, and no size may exceed what follows in the file. So nothing unpacks to more bytes
    than the file has.
    """
    end = archive.seek(0, os.SEEK_END)
    found: dict[str, _Place] = {}
    at = 0
    while (info := _header(known, file, archive, at)) is not None:
        at += _BLOCK
        if info.name in found:
            raise _no_backup(known, file, f"{info.name!a} is in it twice")
        if info.size > end - at:
            raise _damaged(file, f"it was cut off in {info.name}")
        found[info.name] = _Place(at, info.size)
        at += -(-info.size // _BLOCK) * _BLOCK
    return found


def _header(known: DataFolder, file: Path, archive: BinaryIO, at: int) -> tarfile.TarInfo | None:
    """Return the checked header at this position; None at the archive's end."""
    archive.seek(at)
    block = archive.read(_BLOCK)
    if at and len(block) < _BLOCK:
        raise _damaged(file, "it was cut off")
    if at and not any(block):
        return None
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.TarError, ValueError) as error:
        if not at:
            raise _no_backup(known, file, "it is not an archive") from error
        raise _damaged(file, "a header in it cannot be read") from error
    if info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
        raise _no_backup(known, file, f"{info.name!a} in it is not a regular file")
    if not 0 <= info.size <= _most(known, file, info.name):
        raise _no_backup(known, file, f"{info.name!a} in it is too large")
    return info


def _most(known: DataFolder, file: Path, name: str) -> int:
    """Return the largest size of this member. Raises SetupError for an unknown name."""
    if name in {known.database.name, _MANIFEST}:
        return 2**62  # the size of the file and the number of members limit these
    if name in {path.name for path in known.files}:
        return _SMALL
    parent, _, file_id = name.rpartition("/")
    if known.uploads is not None and parent == known.uploads.name and _FILE.fullmatch(file_id):
        return known.uploads.max_bytes
    raise _no_backup(known, file, f"{name!a} is in it")


def _copy(archive: BinaryIO, place: _Place, out: BinaryIO | None) -> str:
    """Copy a member, and return its SHA-256."""
    digest = hashlib.sha256()
    left = place.size
    archive.seek(place.offset)
    while left and (chunk := archive.read(min(left, _CHUNK))):
        left -= len(chunk)
        digest.update(chunk)
        if out is not None:
            out.write(chunk)
    return digest.hexdigest()


def _check(file: Path, name: str, recorded: _Member, digest: str) -> None:
    if digest != recorded.sha256:
        raise _damaged(file, f"{name} is damaged (its SHA-256 differs)")


def _check_space(folder: DataFolder, places: Mapping[str, _Place]) -> None:
    wanted, free = sum(place.size for place in places.values()), shutil.disk_usage(folder.path).free
    if wanted > free:
        raise SetupError(
            f"the backup needs {wanted // 1024**2} MiB and {folder.path} has {free // 1024**2} MiB free;"
            " nothing was restored"
        )


def _remove(folder: DataFolder, places: Mapping[str, _Place]) -> None:
    """Remove everything that was restored; the folder was empty before."""
    with suppress(OSError):
        for name in places:
            (folder.path / name).unlink(missing_ok=True)
        if folder.uploads is not None:
            (folder.path / folder.uploads.name).rmdir()


def _no_backup(known: DataFolder, file: Path, why: str) -> SetupError:
    return SetupError(f"{file} is not a backup of a {known.program.title} server: {why}")


def _damaged(file: Path, why: str) -> SetupError:
    return SetupError(f"the backup {file} is damaged: {why}; take another one")


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
