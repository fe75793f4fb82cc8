"""A backup in one file, which can be copied anywhere.

The file is a plain tar with mode 0600, because it contains private keys. Its last member, `manifest.json`,
has the size and SHA-256 of every other member. Every header is checked before a byte is unpacked, and
everything except a regular file with a known name and a limited size is refused.
"""

import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec

from parlour_server.capabilities.server_backups.contents import (
    HashingReader,
    Member,
    copy_bytes,
    damaged,
    largest,
    not_a_backup,
    refuse_larger_than_disk,
    snapshot,
)
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.parents import open_to_others
from parlour_server.core.private_file import private_file, remove_unfinished
from parlour_server.core.store.schema import Schema

_MODE: Final = 0o600
_BLOCK: Final = tarfile.BLOCKSIZE
_MANIFEST: Final = "manifest.json"
_MANIFEST_LINE: Final = 256
"""The largest manifest: bytes per member, and for itself."""


class _ArchiveManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    format: Literal[1]
    members: dict[str, Member]
    incarnation: str | None = None
    """Of its logs, to compare with `doctor`'s report on a folder."""


@dataclass(frozen=True, slots=True)
class _MemberPlace:
    """The position of a member's bytes in the archive."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ArchiveBackup:
    """A backup in one file, whose headers and manifest were checked."""

    place: Path
    members: Mapping[str, Member]
    incarnation: str | None
    _archive: BinaryIO
    _places: Mapping[str, _MemberPlace]

    def copy(self, name: str, out: BinaryIO | None) -> str:
        """Copy a member, or only read it; returns its SHA-256."""
        place = self._places[name]
        self._archive.seek(place.offset)
        return copy_bytes(self._archive, place.size, out)


def write_archive(schema: Schema, folder: DataFolder, file: Path) -> list[str]:
    """Write everything to a new file; returns the damage in the database, as sentences. Raises SetupError."""
    if file.exists():
        raise SetupError(f"{file} already exists; choose another name, because backups are never overwritten")
    if (why := open_to_others(file)) is not None:
        raise SetupError(f"{why}, or they could exchange the backup, which has the server's keys in it")
    with snapshot(schema, folder, file) as taken:
        _remove_left_beside(file)
        members: dict[str, Member] = {}
        # GNU: sizes over 8 GiB fit into the header itself, so a backup needs no other headers
        with private_file(file) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, path in ((folder.database.name, taken.database), *taken.files, *taken.uploads):
                _add(tar, path, name, members)
            manifest = taken.database.with_name(_MANIFEST)
            manifest.write_bytes(msgspec.json.encode(_ArchiveManifest(1, members, taken.incarnation)))
            _add(tar, manifest, _MANIFEST, {})
        return taken.damage()


def _remove_left_beside(file: Path) -> None:
    """Remove what backups that were killed left in the folder of this file."""
    with suppress(OSError):
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            remove_unfinished(folder)
        finally:
            os.close(folder)


@contextmanager
def opened_archive(known: DataFolder, file: Path) -> Iterator[ArchiveBackup]:
    """Open a backup, and check its headers and its manifest. Raises SetupError.

    ``known`` names the files that may be in it; nothing is read from there.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise SetupError(f"{file} is not a file")
    with file.open("rb") as archive:
        refuse_larger_than_disk(file, os.fstat(archive.fileno()).st_size)
        manifest, places = _read_manifest(known, file, archive)
        yield ArchiveBackup(file, manifest.members, manifest.incarnation, archive, places)


def _add(tar: tarfile.TarFile, path: Path, name: str, members: dict[str, Member]) -> None:
    try:
        with path.open("rb") as data:
            info = tarfile.TarInfo(name)
            info.size, info.mode = os.fstat(data.fileno()).st_size, _MODE
            hashing = HashingReader(data)
            tar.addfile(info, hashing)
            members[name] = Member(info.size, hashing.digest.hexdigest())
    except FileNotFoundError:
        return  # not every folder has every file, and a running server removes some


def _read_manifest(
    known: DataFolder, file: Path, archive: BinaryIO
) -> tuple[_ArchiveManifest, Mapping[str, _MemberPlace]]:
    """Check every header, then the manifest; returns it and the position of each other member."""
    places = _walk(known, file, archive)
    place = places.pop(_MANIFEST, None)
    if place is None:
        raise SetupError(
            f"{file} has no manifest: it was cut off, or an earlier version made it"
            " (such a backup can be unpacked with `tar` into a folder of mode 700; then run `doctor`)"
        )
    if place.size > _MANIFEST_LINE * (len(places) + 1):
        raise not_a_backup(known, file, "its manifest is too large")
    archive.seek(place.offset)
    try:
        manifest = msgspec.json.decode(archive.read(place.size), type=_ArchiveManifest)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise damaged(file, "its manifest cannot be read") from error
    if manifest.members.keys() != places.keys():
        raise damaged(file, "its manifest does not match the files in it")
    if known.database.name not in places:
        raise not_a_backup(known, file, "it contains no database")
    for name, found in places.items():
        if manifest.members[name].size != found.size:
            raise damaged(file, f"{name} has {found.size} bytes instead of {manifest.members[name].size}")
    return manifest, places


def _walk(known: DataFolder, file: Path, archive: BinaryIO) -> dict[str, _MemberPlace]:
    """Return every member, checked only by its header.

    Only plain headers are known, each of one block: a link, a device, a sparse file or a header that extends
    another one is refused, and no size may exceed what follows in the file. So nothing unpacks to more bytes
    than the file has.
    """
    end = archive.seek(0, os.SEEK_END)
    found: dict[str, _MemberPlace] = {}
    at = 0
    while (info := _header(known, file, archive, at)) is not None:
        at += _BLOCK
        if info.name in found:
            raise not_a_backup(known, file, f"{info.name!a} is in it twice")
        if info.size > end - at:
            raise damaged(file, f"it was cut off in {info.name}")
        found[info.name] = _MemberPlace(at, info.size)
        at += -(-info.size // _BLOCK) * _BLOCK
    return found


def _header(known: DataFolder, file: Path, archive: BinaryIO, at: int) -> tarfile.TarInfo | None:
    """Return the checked header at this position; None at the archive's end."""
    archive.seek(at)
    block = archive.read(_BLOCK)
    if at and len(block) < _BLOCK:
        raise damaged(file, "it was cut off")
    if at and not any(block):
        return None
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.TarError, ValueError) as error:
        if not at:
            raise not_a_backup(known, file, "it is not an archive") from error
        raise damaged(file, "a header in it cannot be read") from error
    if info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
        raise not_a_backup(known, file, f"{info.name!a} in it is not a regular file")
    # the manifest is limited by the number of members, which is known when all headers were read
    most = info.size if info.name == _MANIFEST else largest(known, info.name)
    if most is None:
        raise not_a_backup(known, file, f"{info.name!a} is in it")
    if not 0 <= info.size <= most:
        raise not_a_backup(known, file, f"{info.name!a} in it is too large")
    return info
