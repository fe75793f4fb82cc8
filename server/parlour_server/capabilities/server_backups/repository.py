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
second backup at the same time is refused. Everything is reached from the descriptor that holds the lock.
"""

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec

from parlour_server.capabilities.server_backups.contents import (
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
    refuse_larger_than_disk,
    snapshot,
)
from parlour_server.capabilities.server_backups.open_folder import NoFolderError, OpenFolder
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.parents import CLOSED_BY, open_to_others
from parlour_server.core.private_file import remove_unfinished, write_private
from parlour_server.core.store.schema import Schema
from parlour_server.host.setup.folder_lock import hold

BLOCK: Final = 4096
_NUMBER: Final = 4
_DIGEST: Final = 16
_CHAIN: Final = 48
"""After so many backups of only changes comes one of the whole database: two days, with one an hour."""
_CHECK_AGAIN: Final = timedelta(days=1)
"""A backup of changes looks for damage only if none did for so long: it is most of what a backup costs."""
_BLOCKS: Final = "blocks"
_FORMAT, _BACKUPS = CLOSED_BY
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


class _FolderManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    members: dict[str, Member]
    incarnation: str | None
    stored: Member
    """The file `database` or `changes`."""
    since: str | None
    """The backup that `changes` starts from; None for a whole database."""
    check: Literal["intact", "damaged"] | None
    """The damage that a reading of the whole database found; None if it was not read."""


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
    """The space that it takes for the database; an uploaded file is stored once for all backups."""
    since: str | None
    is_checked: bool
    """Its database was read as a whole when it was made."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result of `prune`."""

    backups: list[str]
    files: int


_Part = tuple[OpenFolder, _FolderManifest]
"""A backup that a database is put together from."""


@dataclass(frozen=True, slots=True)
class RepositoryBackup:
    """One backup of a folder, whose manifest was checked."""

    place: Path
    members: Mapping[str, Member]
    incarnation: str | None
    _known: DataFolder
    _uploads: OpenFolder
    _chain: tuple[_Part, ...]
    """The backup with the whole database, then those with changes, up to this one."""

    def copy(self, name: str, out: BinaryIO | None) -> str:
        """Copy a member, or only read it; returns its SHA-256. Raises SetupError, OSError."""
        if name == self._known.database.name:
            return self._copy_database(name, out)
        uploaded = is_upload(self._known, name)
        folder = self._uploads if uploaded else self._chain[-1][0]
        file = Path(name).name if uploaded else name
        return _read_file(folder, file, self.members[name].size, out, self.place)

    def _copy_database(self, name: str, out: BinaryIO | None) -> str:
        digest, left = hashlib.sha256(), self.members[name].size
        with ExitStack() as stack:
            (folder, manifest), *changed = self._chain
            whole = stack.enter_context(folder.reading(_WHOLE, manifest.stored.size, self.place))
            newest: dict[int, tuple[BinaryIO, int]] = {}
            for folder, manifest in changed:
                changes = stack.enter_context(folder.reading(_CHANGES, manifest.stored.size, self.place))
                for number, offset in self._changed_blocks(folder, manifest, changes):
                    newest[number] = changes, offset
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

    def _changed_blocks(
        self, folder: OpenFolder, manifest: _FolderManifest, changes: BinaryIO
    ) -> Iterator[tuple[int, int]]:
        """Yield the number and the offset of each block.

        The numbers rise, and lie in the database, so a file of holes is refused at its second block.
        """
        before, end = -1, -(-manifest.members[self._known.database.name].size // BLOCK)
        for at in range(0, manifest.stored.size, _NUMBER + BLOCK):
            changes.seek(at)
            number = int.from_bytes(changes.read(_NUMBER))
            if not before < number < end:
                raise damaged(self.place, f"{_CHANGES} of {folder.path.name} has blocks that can't be in it")
            yield number, at + _NUMBER
            before = number


class Repository:
    """A folder of backups of one server."""

    def __init__(self, known: DataFolder, path: Path) -> None:
        """``known`` names the files that may be in a backup; nothing is read from there."""
        self._known = known
        self.path = path
        self._uploads = known.uploads.name if known.uploads else "files"

    def add(self, schema: Schema, folder: DataFolder) -> tuple[BackupFacts, list[str]]:
        """Make a backup; returns it, and the damage in its database as sentences. Raises SetupError.

        One of changes only is checked once a day, and always as long as damage is known.
        """
        self._create()
        with self._held() as kept:
            try:
                with snapshot(schema, folder, self.path) as taken:
                    return kept.write(folder, taken)
            except OSError as error:
                raise SetupError(f"cannot write the backup to {self.path}: {error.strerror}") from error

    def backups(self) -> list[BackupFacts]:
        """Return every backup, the oldest first. Raises SetupError, OSError."""
        with self._held(shared=True) as kept:
            return [kept.facts(name) for name in kept.names()]

    @contextmanager
    def opened(self, name: str | None = None) -> Iterator[RepositoryBackup]:
        """Open a backup, the newest without a name. Raises SetupError, OSError."""
        with self._held(shared=True) as kept:
            names = kept.names()
            if not names:
                raise SetupError(f"{self.path} has no finished backup")
            if name is not None and name not in names:
                raise SetupError(f"{self.path} has no backup {name!a}; `backup list` shows what there is")
            with kept.opened(name or names[-1]) as backup:
                yield backup

    def verify(self) -> int:
        """Check every file of every backup, and that the newest can be put together; returns their number.

        Raises SetupError, OSError.
        """
        with self._held(shared=True) as kept:
            checked: dict[str, Member] = {}
            names = kept.names()
            for name in names:
                kept.check_stored(name, checked)
            if names:
                with kept.opened(names[-1]) as newest:
                    database = self._known.database.name
                    check_digest(newest, database, newest.copy(database, None))
        return len(names)

    def prune(self, keep: int) -> Pruned:
        """Remove all but the newest ``keep`` backups and those that they start from.

        Uploaded files that no remaining backup has are removed too. Raises SetupError.
        """
        with self._held() as kept:
            try:
                return kept.prune(keep)
            except OSError as error:
                raise SetupError(
                    f"cannot remove backups from {self.path}: {error.strerror or error}"
                ) from error

    def _create(self) -> None:
        """Create the folder unless it is one of backups. Others must not be able to change what is in it."""
        if (why := open_to_others(self.path)) is not None:
            raise SetupError(
                f"{why}, or they could exchange the backups, which have the server's keys in them"
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.path / _FORMAT).exists():
                if any(self.path.iterdir()):
                    raise SetupError(
                        f"{self.path} has other files in it; name an empty or a new folder,"
                        " or a file that ends in .tar"
                    )
                write_private(self.path / _FORMAT, msgspec.json.encode(_Format(1, self._known.program.word)))
            for name in (_BACKUPS, self._uploads):
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SetupError(f"cannot make the folder {self.path}: {error.strerror}") from error

    @contextmanager
    def _held(self, *, shared: bool = False) -> Iterator["_Held"]:
        """Lock the folder, and open it and those in it. Raises SetupError."""
        if not self.path.exists():
            raise SetupError(
                f"there is no folder {self.path}; `backup create` makes it with its first backup"
            )
        if not self.path.is_dir():
            raise SetupError(f"{self.path} is one file; name a folder of backups")
        if not (self.path / _FORMAT).exists():  # before the lock, which may be that of a running server
            raise not_a_backup(self._known, self.path, f"it has no valid {_FORMAT}")
        by = (
            f"a backup to {self.path} is being made"
            if shared
            else f"{self.path} is in use by another command"
        )
        with (
            hold(self.path, busy=f"{by}; try again later", shared=shared) as descriptor,
            ExitStack() as stack,
        ):
            root = OpenFolder(self.path, descriptor)
            self._check_format(root)
            try:
                folders = [stack.enter_context(root.folder(name)) for name in (_BACKUPS, self._uploads)]
            except NoFolderError as error:
                raise not_a_backup(self._known, self.path, f"{error} in it is not a folder") from error
            yield _Held(self._known, root, *folders)

    def _check_format(self, root: OpenFolder) -> None:
        try:
            with root.reading(_FORMAT, None, self.path) as file:
                found = msgspec.json.decode(file.read(_LARGEST_FORMAT), type=_Format)
        except (OSError, SetupError, msgspec.MsgspecError, ValueError) as error:
            raise not_a_backup(self._known, self.path, f"it has no valid {_FORMAT}") from error
        if found.program != self._known.program.word:
            raise not_a_backup(self._known, self.path, f"its backups are of {found.program!a}")


@dataclass(frozen=True, slots=True)
class _Base:
    """The backup that the next one can start from."""

    name: str
    blocks: bytes
    """Digests of its database's blocks."""
    intact: datetime | None
    """When the database was last read as a whole, if nothing was damaged then."""


class _Held:
    """A folder of backups while it is locked. Its methods raise SetupError and OSError."""

    def __init__(self, known: DataFolder, root: OpenFolder, backups: OpenFolder, uploads: OpenFolder) -> None:
        self._known = known
        self._root = root
        self._backups = backups
        self._uploads = uploads

    def names(self) -> list[str]:
        """Return the names of all finished backups, the oldest first."""
        return sorted(name for name in self._backups.names() if _NAME.fullmatch(name))

    def write(self, folder: DataFolder, taken: Snapshot) -> tuple[BackupFacts, list[str]]:
        """Write one more; returns the damage that was found, too."""
        self._clear_unfinished()
        names = self.names()
        made = _name_after(names)
        before = self._base(names, taken.database.stat().st_size)
        is_due = before is None or before.intact is None or _time_of(made) - before.intact >= _CHECK_AGAIN
        damage = taken.damage() if is_due else []
        self._backups.make_folder(_UNFINISHED)
        members: dict[str, Member] = {}
        with self._folder(_UNFINISHED) as work:
            database, stored, blocks = _write_database(
                taken.database, work, before.blocks if before else None
            )
            members[folder.database.name] = database
            for name, path in taken.files:
                with suppress(FileNotFoundError):  # not every folder has every file
                    members[name] = _copy(path, work, name)
            members |= self._store_uploads(taken.uploads, self._members_of_newest(names))
            since = before.name if before else None
            check: Literal["intact", "damaged"] | None = None
            if is_due:
                check = "damaged" if damage else "intact"
            manifest = _FolderManifest(members, taken.incarnation, stored, since, check)
            data = msgspec.json.encode(manifest)
            work.write(_MANIFEST, b"%b\n%b\n" % (data, hashlib.sha256(data).hexdigest().encode()))
            work.sync()
        self._backups.rename(_UNFINISHED, made)
        self._backups.sync()
        self._root.write(_BLOCKS, b"%b\n%b" % (made.encode(), blocks))
        return self.facts(made), damage

    def prune(self, keep: int) -> Pruned:
        """Remove what none of the newest ``keep`` backups needs."""
        names = self.names()
        wanted: set[str] = set()
        for name in names[-keep:]:
            with self._chain(name) as chain:
                wanted |= {part.path.name for part, _ in chain}
        removed = [name for name in names if name not in wanted]
        needed = {Path(member).name for name in wanted for member in self._read_named(name).members}
        self._clear_unfinished()
        for name in reversed(removed):  # the newest first: what is left can be put together at any time
            self._backups.rename(name, _UNFINISHED)
            self._backups.remove_folder(_UNFINISHED)
        orphans = [name for name in self._uploads.names() if name not in needed]
        for name in orphans:
            self._uploads.remove(name)
        return Pruned(removed, len(orphans))

    @contextmanager
    def opened(self, name: str) -> Iterator[RepositoryBackup]:
        """Open a backup, and those that it starts from."""
        with self._chain(name) as chain:
            yield self._backup(chain)

    def _backup(self, chain: tuple[_Part, ...]) -> RepositoryBackup:
        part, manifest = chain[-1]
        return RepositoryBackup(
            part.path, manifest.members, manifest.incarnation, self._known, self._uploads, chain
        )

    def check_stored(self, name: str, checked: dict[str, Member]) -> None:
        """Check what one backup has stored; ``checked`` are uploaded files that others have too."""
        with self._chain(name) as chain:
            backup, (part, manifest) = self._backup(chain), chain[-1]
            kept = _CHANGES if manifest.since else _WHOLE
            if _read_file(part, kept, manifest.stored.size, None, part.path) != manifest.stored.sha256:
                raise damaged(part.path, f"{kept} is damaged (its SHA-256 differs)")
            for member, about in backup.members.items():
                if member == self._known.database.name or checked.get(member) == about:
                    continue
                check_digest(backup, member, backup.copy(member, None))
                if is_upload(self._known, member):
                    checked[member] = about

    def facts(self, name: str) -> BackupFacts:
        """Return what a list says of a backup."""
        manifest = self._read_named(name)
        return BackupFacts(
            name,
            manifest.incarnation,
            manifest.members[self._known.database.name].size,
            sum(is_upload(self._known, member) for member in manifest.members),
            manifest.stored.size,
            manifest.since,
            manifest.check is not None,
        )

    def _clear_unfinished(self) -> None:
        """Remove what a backup, or its removal, that broke off left behind."""
        with suppress(OSError):
            self._backups.remove_folder(_UNFINISHED)
        for folder in (self._root, self._uploads):
            remove_unfinished(folder.descriptor)

    @contextmanager
    def _folder(self, name: str) -> Iterator[OpenFolder]:
        """Open a backup's folder."""
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(self._backups.folder(name))
            except NoFolderError as error:
                raise damaged(self._backups.path / name, "it is not a folder") from error
            yield folder

    def _base(self, names: list[str], size: int) -> "_Base | None":
        """Return the newest backup and the digests of its blocks, if changes since then are enough."""
        if not names:
            return None
        try:
            with self._chain(names[-1]) as chain:
                count = -(-chain[-1][1].members[self._known.database.name].size // BLOCK)
                length, changes = len(chain), sum(manifest.stored.size for _, manifest in chain[1:])
                checks = [(part.path.name, manifest.check) for part, manifest in chain if manifest.check]
            bytes_ = len(names[-1]) + 1 + count * _DIGEST
            with self._root.reading(_BLOCKS, bytes_, self._root.path) as file:
                name, _, blocks = file.read(bytes_).partition(b"\n")
        except (OSError, SetupError):
            return None
        if name.decode("ascii", "replace") != names[-1] or length > _CHAIN or changes > size:
            return None
        intact = _time_of(checks[-1][0]) if checks and checks[-1][1] == "intact" else None
        return _Base(names[-1], blocks, intact)

    def _members_of_newest(self, names: list[str]) -> Mapping[str, Member]:
        """Return what the newest backup has; nothing if that can't be read, so that another can be made."""
        with suppress(OSError, SetupError):
            if names:
                return self._read_named(names[-1]).members
        return {}

    def _store_uploads(
        self, uploads: Iterable[tuple[str, Path]], before: Mapping[str, Member]
    ) -> dict[str, Member]:
        """Copy the files that no backup has yet; returns all."""
        members: dict[str, Member] = {}
        for name, path in uploads:
            with suppress(FileNotFoundError):  # a running server removes some
                known = before.get(name)
                if known and path.stat().st_size == known.size == self._uploads.size(path.name):
                    members[name] = known
                else:
                    members[name] = _copy(path, self._uploads, path.name)
        self._uploads.sync()
        return members

    def _read_named(self, name: str) -> _FolderManifest:
        with self._folder(name) as folder:
            return self._read(folder)

    def _read(self, folder: OpenFolder) -> _FolderManifest:
        """Read a manifest and check it by itself."""
        place = folder.path
        with folder.reading(_MANIFEST, None, place) as file:
            data = file.read(_LARGEST_MANIFEST + 1)
        if len(data) > _LARGEST_MANIFEST:
            raise damaged(place, "its manifest is too large")
        data, _, digest = data.rstrip(b"\n").rpartition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() != digest:
            raise damaged(place, "its manifest has another SHA-256")
        try:
            manifest = msgspec.json.decode(data, type=_FolderManifest)
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
        refuse_larger_than_disk(place, sum(member.size for member in manifest.members.values()))
        size = manifest.members[self._known.database.name].size
        if manifest.stored.size > (-(-size // BLOCK) * (_NUMBER + BLOCK) if manifest.since else size):
            raise damaged(place, "it has stored more than the database has")
        return manifest

    @contextmanager
    def _chain(self, name: str) -> Iterator[tuple[_Part, ...]]:
        """Open what a database is put together from, the whole one first."""
        chain: list[_Part] = []
        wanted: str | None = name
        with ExitStack() as stack:
            while wanted is not None:
                if not _NAME.fullmatch(wanted) or wanted > name or len(chain) > 2 * _CHAIN:
                    raise damaged(self._backups.path / name, f"it starts from {wanted!a}")
                try:
                    folder = stack.enter_context(self._backups.folder(wanted))
                except NoFolderError as error:
                    why = f"the backup {wanted} that it needs is gone"
                    raise damaged(self._backups.path / name, why) from error
                manifest = self._read(folder)
                chain.append((folder, manifest))
                wanted = manifest.since
            yield tuple(reversed(chain))


def _write_database(copy: Path, work: OpenFolder, before: bytes | None) -> tuple[Member, Member, bytes]:
    """Write the database, or what has changed since the blocks with the digests ``before``.

    Returns the database, the file that was written, and the digests of all blocks.
    """
    whole, written, size, blocks = hashlib.sha256(), hashlib.sha256(), 0, bytearray()
    with (
        copy.open("rb") as data,
        work.writing(_WHOLE if before is None else _CHANGES) as out,
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


def _copy(source: Path, folder: OpenFolder, name: str) -> Member:
    """Copy a file into a folder; returns its size and SHA-256."""
    with source.open("rb") as data, folder.writing(name) as out:
        hashing = HashingReader(data)
        shutil.copyfileobj(hashing, out, CHUNK)
        return Member(out.tell(), hashing.digest.hexdigest())


def _read_file(folder: OpenFolder, name: str, size: int, out: BinaryIO | None, place: Path) -> str:
    """Copy a file of a backup, or only read it; returns its SHA-256."""
    with folder.reading(name, size, place) as data:
        return copy_bytes(data, size, out)


def _name_after(names: list[str]) -> str:
    """Return the time as a name that comes after all others, also when the clock was set back."""
    now = datetime.now(UTC)
    while True:
        name = f"{now:%Y-%m-%dT%H-%M-%S}.{now.microsecond // 1000:03}Z"
        if not names or name > names[-1]:
            return name
        now = _time_of(names[-1]) + timedelta(milliseconds=1)


def _time_of(name: str) -> datetime:
    """Return when a backup was made, by its name."""
    return datetime.strptime(name, "%Y-%m-%dT%H-%M-%S.%fZ").replace(tzinfo=UTC)
