"""A folder of backups, to which each backup adds only what has changed since the one before.

    format.json         whose backups these are
    blocks              digests of the newest backup's database, by which the next one finds what has changed
    files/ID            uploaded files, which never change: each is stored once
    backups/NAME/       configuration, certificates and keys, and
        manifest.json   size and SHA-256 of every file; its second line is its own SHA-256
        database        the whole database, or
        changes         the blocks that differ from the backup before: each a number (4 bytes), then 4 KiB

A backup appears whole or not at all: its folder is renamed when everything is on the disk. Every so often a
backup has the whole database again, so that a damaged one spoils few others. Writing locks the folder; a
second backup at the same time is refused.
"""

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec

from parlour_server.kit.backup.contents import (
    CHUNK,
    HashingReader,
    Member,
    Snapshot,
    check_digest,
    copy_bytes,
    damaged,
    is_upload,
    largest,
    not_a_backup,
    snapshot,
)
from parlour_server.kit.errors import SetupError
from parlour_server.kit.private_file import private_file, write_private
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.setup.folder_lock import hold
from parlour_server.kit.store.schema import Schema

BLOCK: Final = 4096
_NUMBER: Final = 4
_DIGEST: Final = 16
_CHAIN: Final = 48
"""After so many backups with changes alone, one has the whole database: two days of one an hour."""
_FORMAT: Final = "format.json"
_BLOCKS: Final = "blocks"
_BACKUPS: Final = "backups"
_MANIFEST: Final = "manifest.json"
_WHOLE: Final = "database"
_CHANGES: Final = "changes"
_UNFINISHED: Final = ".unfinished"
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z", re.ASCII)
_LARGEST_FORMAT: Final = 4096
_LARGEST_MANIFEST: Final = 256 * 1024 * 1024
"""About 2 million files."""


class _Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    program: str


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    members: dict[str, Member]
    incarnation: str | None
    stored: Member
    """The file `database` or `changes`."""
    since: str | None
    """The backup that `changes` starts from; None for a whole database."""


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """One backup of a folder. Sizes are in bytes."""

    name: str
    """When it was made, in UTC."""
    incarnation: str | None
    database: int
    files: int
    """The number of uploaded files."""
    stored: int
    """What it takes of the disk for the database; a file that was uploaded is stored once for all backups."""
    since: str | None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune` removed."""

    backups: list[str]
    files: int


@dataclass(frozen=True, slots=True)
class RepositoryBackup:
    """One backup of a folder, whose manifest was checked."""

    place: Path
    members: Mapping[str, Member]
    incarnation: str | None
    _known: DataFolder
    _uploads: Path
    _chain: tuple[tuple[Path, _Manifest], ...]
    """The backup with the whole database, then those with changes, up to this one."""

    def copy(self, name: str, out: BinaryIO | None) -> str:
        """Copy a member, or only read it; returns its SHA-256. Raises SetupError, OSError."""
        if name == self._known.database.name:
            return self._copy_database(name, out)
        path = self._uploads / Path(name).name if is_upload(self._known, name) else self.place / name
        return _read_file(self.place, path, self.members[name].size, out)

    def _copy_database(self, name: str, out: BinaryIO | None) -> str:
        digest, left = hashlib.sha256(), self.members[name].size
        with ExitStack() as stack:
            (folder, manifest), *changed = self._chain
            whole = stack.enter_context(_opened(self.place, folder / _WHOLE, manifest.stored.size))
            newest: dict[int, tuple[BinaryIO, int]] = {}
            for folder, manifest in changed:
                if manifest.stored.size % (_NUMBER + BLOCK):
                    raise damaged(self.place, f"{_CHANGES} of {folder.name} ends in the middle of a block")
                changes = stack.enter_context(_opened(self.place, folder / _CHANGES, manifest.stored.size))
                for at in range(0, manifest.stored.size, _NUMBER + BLOCK):
                    changes.seek(at)
                    newest[int.from_bytes(changes.read(_NUMBER))] = changes, at + _NUMBER
            number = 0
            while left:
                source, offset = newest.get(number, (whole, number * BLOCK))
                source.seek(offset)
                block = source.read(min(left, BLOCK))
                if not block:
                    raise damaged(self.place, "blocks of the database are missing")
                digest.update(block)
                if out is not None:
                    out.write(block)
                left -= len(block)
                number += 1
        return digest.hexdigest()


class Repository:
    """A folder of backups of one server."""

    def __init__(self, known: DataFolder, path: Path) -> None:
        """``known`` names the files that may be in a backup; nothing is read from there."""
        self._known = known
        self.path = path
        self._uploads = path / (known.uploads.name if known.uploads else "files")

    def add(self, schema: Schema, folder: DataFolder) -> tuple[BackupFacts, list[str]]:
        """Make a backup; returns it, and the damage in its database as sentences. Raises SetupError."""
        self._create()
        with hold(self.path, busy=f"{self.path} is in use by another command; try again later"):
            self._check_format()
            self._clear_unfinished()
            try:
                with snapshot(schema, folder, self.path) as taken:
                    return self._write(folder, taken), taken.damage
            except OSError as error:
                raise SetupError(f"cannot write the backup to {self.path}: {error.strerror}") from error

    def backups(self) -> list[BackupFacts]:
        """Return every backup, the oldest first. Raises SetupError, OSError."""
        with self._reading():
            return [self._facts(name, self._read(name)) for name in self._names()]

    @contextmanager
    def opened(self, name: str | None = None) -> Iterator[RepositoryBackup]:
        """Open a backup, the newest without a name. Raises SetupError, OSError."""
        with self._reading():
            names = self._names()
            if not names:
                raise SetupError(f"{self.path} has no finished backup")
            if name is not None and name not in names:
                raise SetupError(f"{self.path} has no backup {name!a}; `backup list` shows what there is")
            yield self._open(name or names[-1])

    def verify(self) -> int:
        """Check every file of every backup, and that the newest can be put together; returns their number.

        Raises SetupError, OSError.
        """
        with self._reading():
            checked: dict[str, Member] = {}
            names = self._names()
            for name in names:
                self._check_stored(name, checked)
            if names:
                newest, database = self._open(names[-1]), self._known.database.name
                check_digest(newest, database, newest.copy(database, None))
        return len(names)

    def prune(self, keep: int) -> Pruned:
        """Remove all but the newest ``keep`` backups and those that they start from.

        Uploaded files that no remaining backup has are removed too. Raises SetupError, OSError.
        """
        self._check_format()
        with hold(self.path, busy=f"{self.path} is in use by another command; try again later"):
            names = self._names()
            wanted = {part.name for name in names[-keep:] for part, _ in self._chain(name)}
            removed = [name for name in names if name not in wanted]
            needed = {Path(member).name for name in wanted for member in self._read(name).members}
            unfinished = self._clear_unfinished()
            for name in reversed(removed):  # the newest first: what is left can be put together at any time
                (self.path / _BACKUPS / name).rename(unfinished)
                shutil.rmtree(unfinished)
            orphans = [one for one in self._uploads.glob("*") if one.name not in needed]
            for one in orphans:
                one.unlink()
        return Pruned(removed, len(orphans))

    def _create(self) -> None:
        """Create the folder unless it is one of backups."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.path / _FORMAT).exists():
                if any(self.path.iterdir()):
                    raise SetupError(
                        f"{self.path} has other files in it; name an empty or a new folder,"
                        " or a file that ends in .tar"
                    )
                write_private(self.path / _FORMAT, msgspec.json.encode(_Format(1, self._known.program.word)))
            for name in (_BACKUPS, self._uploads.name):
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SetupError(f"cannot make the folder {self.path}: {error.strerror}") from error

    def _clear_unfinished(self) -> Path:
        """Remove what a backup, or its removal, that broke off left behind; returns where that was."""
        unfinished = self.path / _BACKUPS / _UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        return unfinished

    def _check_format(self) -> None:
        if not self.path.is_dir():
            raise SetupError(f"there is no folder {self.path}; `backup create` makes one")
        try:
            with _opened(self.path, self.path / _FORMAT, None) as file:
                found = msgspec.json.decode(file.read(_LARGEST_FORMAT), type=_Format)
        except (OSError, SetupError, msgspec.MsgspecError, ValueError) as error:
            raise not_a_backup(self._known, self.path, f"it has no valid {_FORMAT}") from error
        if found.program != self._known.program.word:
            raise not_a_backup(self._known, self.path, f"its backups are of {found.program!a}")
        for folder in (self.path / _BACKUPS, self._uploads):
            if folder.is_symlink() or not folder.is_dir():  # pruning must remove nothing elsewhere
                raise not_a_backup(self._known, self.path, f"{folder.name} in it is not a folder")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._check_format()
        with hold(self.path, busy=f"a backup to {self.path} is being made; try again later", shared=True):
            yield

    def _names(self) -> list[str]:
        return sorted(one.name for one in (self.path / _BACKUPS).iterdir() if _NAME.fullmatch(one.name))

    def _write(self, folder: DataFolder, taken: Snapshot) -> BackupFacts:
        names = self._names()
        before = self._base(names, taken.database.stat().st_size)
        work = self.path / _BACKUPS / _UNFINISHED
        work.mkdir(mode=0o700)
        members: dict[str, Member] = {}
        database, stored, blocks = _write_database(taken.database, work, before and before[1])
        members[folder.database.name] = database
        for name, path in taken.files:
            with suppress(FileNotFoundError):  # not every folder has every file
                members[name] = _copy(path, work / name)
        members |= self._store_uploads(taken.uploads, self._members_of_newest(names))
        since = before[0] if before else None
        manifest = _Manifest(members, taken.incarnation, stored, since)
        data = msgspec.json.encode(manifest)
        write_private(work / _MANIFEST, b"%b\n%b\n" % (data, hashlib.sha256(data).hexdigest().encode()))
        _sync(work)
        name = _name_after(names)
        work.rename(self.path / _BACKUPS / name)
        _sync(self.path / _BACKUPS)
        write_private(self.path / _BLOCKS, b"%b\n%b" % (name.encode(), blocks))
        return self._facts(name, manifest)

    def _base(self, names: list[str], size: int) -> tuple[str, bytes] | None:
        """Return the newest backup and the digests of its blocks, if changes since then are enough."""
        if not names:
            return None
        try:
            chain = self._chain(names[-1])
            count = -(-chain[-1][1].members[self._known.database.name].size // BLOCK)
            length = len(names[-1]) + 1 + count * _DIGEST
            with _opened(self.path, self.path / _BLOCKS, length) as file:
                name, _, blocks = file.read(length).partition(b"\n")
        except (OSError, SetupError):
            return None
        changes = sum(manifest.stored.size for _, manifest in chain[1:])
        if name.decode("ascii", "replace") != names[-1] or len(chain) > _CHAIN or changes > size:
            return None
        return names[-1], blocks

    def _members_of_newest(self, names: list[str]) -> Mapping[str, Member]:
        """Return what the newest backup has; nothing if that can't be read, so that another can be made."""
        with suppress(OSError, SetupError):
            if names:
                return self._read(names[-1]).members
        return {}

    def _store_uploads(
        self, uploads: Iterable[tuple[str, Path]], before: Mapping[str, Member]
    ) -> dict[str, Member]:
        """Copy the files that no backup has yet; returns all."""
        members: dict[str, Member] = {}
        for name, path in uploads:
            kept = self._uploads / path.name
            with suppress(FileNotFoundError):  # a running server removes some
                known = before.get(name)
                if known and path.stat().st_size == known.size == _size(kept):
                    members[name] = known
                else:
                    members[name] = _copy(path, kept)
        _sync(self._uploads)
        return members

    def _read(self, name: str) -> _Manifest:
        """Read a manifest and check it by itself. Raises SetupError, OSError."""
        place = self.path / _BACKUPS / name
        with _opened(place, place / _MANIFEST, None) as file:
            data = file.read(_LARGEST_MANIFEST + 1)
        if len(data) > _LARGEST_MANIFEST:
            raise damaged(place, "its manifest is too large")
        data, _, digest = data.rstrip(b"\n").rpartition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() != digest:
            raise damaged(place, "its manifest has another SHA-256")
        try:
            manifest = msgspec.json.decode(data, type=_Manifest)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise damaged(place, "its manifest cannot be read") from error
        if self._known.database.name not in manifest.members:
            raise not_a_backup(self._known, place, "it contains no database")
        for member, about in manifest.members.items():
            most = largest(self._known, member)
            if most is None:
                raise not_a_backup(self._known, place, f"{member!a} is in it")
            if not 0 <= about.size <= most:
                raise not_a_backup(self._known, place, f"{member!a} in it is too large")
        return manifest

    def _chain(self, name: str) -> tuple[tuple[Path, _Manifest], ...]:
        """Return what a database is put together from, the whole one first. Raises SetupError, OSError."""
        chain: list[tuple[Path, _Manifest]] = []
        wanted: str | None = name
        while wanted is not None:
            if not _NAME.fullmatch(wanted) or wanted > name or len(chain) > 2 * _CHAIN:
                raise damaged(self.path / _BACKUPS / name, f"it starts from {wanted!a}")
            if not (self.path / _BACKUPS / wanted).is_dir():
                raise damaged(self.path / _BACKUPS / name, f"the backup {wanted} that it needs is gone")
            manifest = self._read(wanted)
            chain.append((self.path / _BACKUPS / wanted, manifest))
            wanted = manifest.since
        return tuple(reversed(chain))

    def _open(self, name: str) -> RepositoryBackup:
        return self._backup(self._chain(name))

    def _backup(self, chain: tuple[tuple[Path, _Manifest], ...]) -> RepositoryBackup:
        place, manifest = chain[-1]
        return RepositoryBackup(
            place, manifest.members, manifest.incarnation, self._known, self._uploads, chain
        )

    def _check_stored(self, name: str, checked: dict[str, Member]) -> None:
        """Check what one backup has stored; ``checked`` are uploaded files that others have too."""
        chain = self._chain(name)
        backup, (place, manifest) = self._backup(chain), chain[-1]
        kept = place / (_CHANGES if manifest.since else _WHOLE)
        if _read_file(place, kept, manifest.stored.size, None) != manifest.stored.sha256:
            raise damaged(place, f"{kept.name} is damaged (its SHA-256 differs)")
        for member, about in backup.members.items():
            if member == self._known.database.name or checked.get(member) == about:
                continue
            check_digest(backup, member, backup.copy(member, None))
            if is_upload(self._known, member):
                checked[member] = about

    def _facts(self, name: str, manifest: _Manifest) -> BackupFacts:
        return BackupFacts(
            name,
            manifest.incarnation,
            manifest.members[self._known.database.name].size,
            sum(is_upload(self._known, one) for one in manifest.members),
            manifest.stored.size,
            manifest.since,
        )


def _write_database(copy: Path, work: Path, before: bytes | None) -> tuple[Member, Member, bytes]:
    """Write the database, or what has changed since the blocks with the digests ``before``.

    Returns the database, the file that was written, and the digests of all blocks.
    """
    whole, written, size, blocks = hashlib.sha256(), hashlib.sha256(), 0, bytearray()
    with (
        copy.open("rb") as data,
        private_file(work / (_WHOLE if before is None else _CHANGES)) as out,
    ):
        number = 0
        while block := data.read(BLOCK):
            whole.update(block)
            size += len(block)
            digest = hashlib.blake2b(block, digest_size=_DIGEST).digest()
            if before is None:
                out.write(block)
            elif before[number * _DIGEST : (number + 1) * _DIGEST] != digest:
                change = number.to_bytes(_NUMBER) + block.ljust(BLOCK, b"\0")
                written.update(change)
                out.write(change)
            blocks += digest
            number += 1
        stored = out.tell()
    database = Member(size, whole.hexdigest())
    return database, database if before is None else Member(stored, written.hexdigest()), bytes(blocks)


def _copy(source: Path, target: Path) -> Member:
    """Copy a file; returns its size and SHA-256."""
    with source.open("rb") as data, private_file(target) as out:
        hashing = HashingReader(data)
        shutil.copyfileobj(hashing, out, CHUNK)
        return Member(out.tell(), hashing.digest.hexdigest())


@contextmanager
def _opened(place: Path, path: Path, size: int | None) -> Iterator[BinaryIO]:
    """Open a plain file of a backup, which has this size if one is given. Raises SetupError, OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise damaged(place, f"{path.name} is missing") from error
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise damaged(place, f"{path.name} is not a plain file") from error
    with os.fdopen(descriptor, "rb") as data:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise damaged(place, f"{path.name} is not a plain file")
        if size is not None and found.st_size != size:
            raise damaged(place, f"{path.name} has {found.st_size} bytes instead of {size}")
        yield data


def _read_file(place: Path, path: Path, size: int, out: BinaryIO | None) -> str:
    """Copy a file of a backup, or only read it; returns its SHA-256."""
    with _opened(place, path, size) as data:
        return copy_bytes(data, size, out)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _name_after(names: list[str]) -> str:
    """Return the time as a name that comes after all others, also when the clock was set back."""
    now = datetime.now(UTC)
    while True:
        name = f"{now:%Y-%m-%dT%H-%M-%S}.{now.microsecond // 1000:03}Z"
        if not names or name > names[-1]:
            return name
        latest = datetime.strptime(names[-1], "%Y-%m-%dT%H-%M-%S.%fZ").replace(tzinfo=UTC)
        now = latest + timedelta(milliseconds=1)


def _sync(folder: Path) -> None:
    """Write a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
