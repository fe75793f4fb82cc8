"""Checks a backup, and makes a new data folder from it.

A failed restore leaves nothing behind, and one that was killed leaves a folder that says so. A restored
server has a new incarnation of its logs, so that clients notice that numbers are used again.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from parlour_server.capabilities.server_backups.archive import opened_archive
from parlour_server.capabilities.server_backups.contents import (
    Backup,
    check_digest,
    damaged,
    temporary_folder,
)
from parlour_server.capabilities.server_backups.repository import Repository
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.private_file import private_file, write_private
from parlour_server.core.store.engine.incarnation import begin_incarnation
from parlour_server.core.store.schema import Schema

_UNFINISHED: Final = (
    b"A backup is being restored into this folder. If none is, remove it and restore again.\n"
)
_DAMAGED: Final = (
    "the database in {place} is damaged ({what}); restore an earlier backup,"
    " or what can be read of this one with --accept-damage"
)


@contextmanager
def opened_backup(known: DataFolder, place: Path, name: str | None = None) -> Iterator[Backup]:
    """Open a backup in a file, or the one of this name in a folder of backups; the newest without a name.

    ``known`` names the files that may be in it; nothing is read from there. Raises SetupError, also for
    system errors in the block.
    """
    try:
        if place.is_dir():
            with Repository(known, place).opened(name) as backup:
                yield backup
        elif name is not None:
            raise SetupError(f"{place} is one backup; only a folder of backups has several to choose from")
        else:
            with opened_archive(known, place) as archive:
                yield archive
    except OSError as error:
        raise SetupError(f"cannot read the backup {place}: {error.strerror}") from error


def verify(backup: Backup) -> None:
    """Read every member and check its digest. Raises SetupError."""
    for name in backup.members:
        check_digest(backup, name, backup.copy(name, None))


def restore(
    schema: Schema,
    folder: DataFolder,
    backup: Backup,
    *,
    accept_damage: bool = False,
    begin: Callable[[], object] = lambda: None,
) -> list[str]:
    """Restore a backup into a new folder; returns the damage in its database, as sentences.

    ``begin`` records that the folder becomes a server's, before it does.
    Raises SetupError, leaving the folder empty or absent as it was; for a damaged database unless
    ``accept_damage``.
    """
    with ExitStack() as undo:
        if not folder.path.exists():
            undo.callback(_remove_folder, folder)
        folder.create()
        if any(folder.path.iterdir()):
            raise SetupError(f"{folder.path} is not empty; restore into a new folder")
        _check_space(folder, backup)
        undo.callback(_remove, folder, backup)
        write_private(folder.unfinished, _UNFINISHED)
        with temporary_folder(folder.path, "restore") as work:
            if folder.uploads is not None:
                (folder.path / folder.uploads.name).mkdir(mode=0o700)
            database = work / folder.database.name
            for name in backup.members:
                target = database if name == database.name else folder.path / name
                with private_file(target) as out:
                    check_digest(backup, name, backup.copy(name, out))
            found = schema.damage(database)
            if found and not accept_damage:
                raise SetupError(_DAMAGED.format(place=backup.place, what=found[0]))
            try:
                begin_incarnation(database, schema.restored)
            except sqlite3.Error as error:
                raise damaged(backup.place, f"its database can't be written to ({error})") from error
            begin()
            database.replace(folder.database)
        # Last: until then no command takes the folder for a server's, and `init` would add what is missing.
        folder.unfinished.unlink()
        undo.pop_all()
    return found


def _check_space(folder: DataFolder, backup: Backup) -> None:
    wanted, free = sum(member.size for member in backup.members.values()), shutil.disk_usage(folder.path).free
    if wanted > free:
        raise SetupError(
            f"the backup needs {-(-wanted // 1024**2)} MiB and {folder.path} has {free // 1024**2} MiB free;"
            " nothing was restored"
        )


def _remove(folder: DataFolder, backup: Backup) -> None:
    """Remove everything that was restored; the folder was empty before."""
    with suppress(OSError):
        for name in backup.members:
            (folder.path / name).unlink(missing_ok=True)
        if folder.uploads is not None:
            (folder.path / folder.uploads.name).rmdir()
    with suppress(OSError):
        shutil.rmtree(folder.operator_record)
    with suppress(OSError):
        folder.unfinished.unlink()


def _remove_folder(folder: DataFolder) -> None:
    with suppress(OSError):
        folder.path.rmdir()
