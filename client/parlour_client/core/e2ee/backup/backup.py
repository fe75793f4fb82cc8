"""Backups of this account's encrypted history: written to a file, checked, and restored from it.

Only a device with the account key writes and restores them: the first one, or one where the recovery words
were typed. What is restored is added to what is here, a part at a time; nothing of a backup that is refused
is added. The newest version that this device wrote or restored of each backup is remembered, so that an
older one is refused.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw
import msgspec

from parlour_client.core.archive import own_keys, saved_preferences
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.backup import backup_file
from parlour_client.core.e2ee.backup.backup_file import BackupFile
from parlour_client.core.e2ee.backup.sealed import START, BackupKey, Known, Manifest, new_backup
from parlour_client.core.e2ee.errors import NoAccountKeyError
from parlour_client.core.e2ee.identity import own_device
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.messages import records
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import ArchiveError
from parlour_client.core.events import HistoryReplaced, RoomsChanged
from parlour_client.kit.language import _
from parlour_protocol.ids import RoomId

_PART_BYTES: Final = 1 << 20
"""Of lines in one chunk: one transaction when it is restored."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A backup that was written."""

    path: Path
    events: int


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of restoring: how many events, and of which rooms some could not be restored."""

    made: int
    """When the backup was made, in milliseconds."""
    new: int
    here: int
    missing: dict[str, int]
    """By the room's name."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of comparing a backup with what is on this device."""

    made: int
    events: int
    same: int
    """Events that are the same here."""
    elsewhere: int
    """Events that are not on this device, or were deleted here since."""


class _Memory(msgspec.Struct, array_like=True):
    """What this device remembers of backups."""

    own: bytes
    """The identifier of those that it writes."""
    known: dict[str, Known] = {}

    def of(self, backup: bytes) -> Known:
        return self.known.get(backup.hex(), Known(0, START))


class Backup:
    """Writes, checks and restores backups."""

    def __init__(self, world: World, keys: Keys) -> None:
        self._world = world
        self._keys = keys
        self._lock = asyncio.Lock()

    async def export(self, path: Path) -> Exported:
        """Write everything that was read here in encrypted rooms to a new file.

        Raises NoAccountKeyError, DevicePendingError, SetupError.
        """
        async with self._lock:
            device, key = await self._key()
            memory = await self._world.archive.write_durably(_begin)
            events = await self._world.archive.read(records.events)
            about = await self._world.archive.read(_about)
            before = memory.of(memory.own)
            made: list[Manifest] = []

            def finish(chunks: int, tip: bytes) -> bytes:
                manifest = Manifest(
                    backup=memory.own,
                    version=before.version + 1,
                    previous=before.digest,
                    user=str(device.user),
                    server=device.server,
                    chunks=chunks,
                    tip=tip,
                    events=len(events),
                    at=self._world.clock.now(),
                )
                made.append(manifest)
                return key.seal_manifest(manifest, device)

            parts = records.parts([*about, *events], _PART_BYTES)
            await asyncio.to_thread(backup_file.write, path, key, memory.own, parts, finish)
            await self._world.archive.write_durably(_remember, made[0])
            return Exported(path, len(events))

    async def last(self) -> int | None:
        """Return when this device last wrote a backup, in milliseconds."""
        memory = await self._world.archive.read(_memory)
        return memory.of(memory.own).at or None

    async def restore(self, path: Path) -> Restored:
        """Add what is missing here from a file, the most recently used rooms first.

        Raises NoAccountKeyError, SetupError, BackupError.
        """
        async with self._lock:
            file = await self._opened(path)
            names = dict[str, str]()
            new, here, refused = (Counter[RoomId]() for _counter in range(3))
            for part in file.parts():
                came = await asyncio.to_thread(records.read, part)
                names.update((one.room, one.name) for one in came.rooms)
                stored = await self._world.archive.write(
                    records.store, came, self._world.state.names_me, self._world.clock.now()
                )
                new, here, refused = new + stored.new, here + stored.here, refused + stored.refused
                for room in stored.new:
                    self._world.emit(HistoryReplaced(room))
            await self._keys.identity.refresh()
            self._world.state.preferences = await self._world.archive.read(saved_preferences.load)
            self._world.emit(RoomsChanged())
            await self._world.archive.write_durably(_remember, file.manifest)
            missing = Counter[str]()
            for room, count in refused.items():
                missing[names.get(room, room)] += count
            return Restored(file.manifest.at, new.total(), here.total(), dict(missing))

    async def verify(self, path: Path) -> Verified:
        """Open all of a file, and compare it with what is here. Raises as ``restore`` does."""
        async with self._lock:
            file = await self._opened(path)
            same = events = 0
            for part in file.parts():
                came = await asyncio.to_thread(records.read, part)
                events += len(came.events)
                same += await self._world.archive.read(records.same_here, came)
            return Verified(file.manifest.at, events, same, events - same)

    async def _opened(self, path: Path) -> BackupFile:
        device, key = await self._key()
        file = await asyncio.to_thread(BackupFile, path, key, device.user, device.server)
        memory = await self._world.archive.read(_memory)
        memory.of(file.manifest.backup).require_current(file.manifest)
        return file

    async def _key(self) -> tuple[OwnIdentity, BackupKey]:
        device = await self._world.archive.read(own_device.load_active)
        if device.account is None:
            raise NoAccountKeyError(_("This device does not hold your account key."))
        return device, BackupKey(device.account)


def _about(connection: apsw.Connection) -> list[bytes]:
    return [*records.people(connection), *records.rooms(connection)]


def _memory(connection: apsw.Connection) -> _Memory:
    """Return what is remembered. Raises ArchiveError."""
    stored = own_keys.get(connection, Name.BACKUPS)
    if stored is None:
        return _Memory(new_backup())
    try:
        return msgspec.json.decode(stored, type=_Memory)
    except msgspec.MsgspecError as error:
        raise ArchiveError(_("The keys of backups were written by another version of Parlour.")) from error


def _begin(connection: apsw.Connection) -> _Memory:
    """Return what is remembered, with an identifier that stays."""
    memory = _memory(connection)
    own_keys.put(connection, Name.BACKUPS, msgspec.json.encode(memory))
    return memory


def _remember(connection: apsw.Connection, manifest: Manifest) -> None:
    memory = _memory(connection)
    memory.known[manifest.backup.hex()] = Known(manifest.version, manifest.digest, manifest.at)
    own_keys.put(connection, Name.BACKUPS, msgspec.json.encode(memory))
