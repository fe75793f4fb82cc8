"""A server's data in one file, and back.

The database is copied by SQLite's own backup, so that a running server may go on writing; the result is a
plain tar of mode 0600, because private keys lie in it. Restoring takes only the files that a backup holds, by
name, into a new folder: nothing in an archive can name a place to write to, and it is looked through before
anything is written. The command line calls it.
"""

import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from parlour_protocol.ids import ID_PATTERN
from parlour_server.errors import SetupError
from parlour_server.setup.datafolder import DataFolder, private_file

_MODE: Final = 0o600
_FILE: Final = re.compile(ID_PATTERN)


def write_backup(folder: DataFolder, file: Path) -> None:
    """Write all of the folder to a new file. Raises SetupError."""
    if file.exists():
        raise SetupError(f"{file} exists; choose another name, backups are not overwritten")
    with tempfile.TemporaryDirectory(dir=folder.path, prefix=".backup-") as work:
        copy = Path(work) / folder.database.name
        _copy_database(folder.database, copy)
        with private_file(file) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in (copy, *_others(folder)):
                _add(tar, path, path.name)
            # After the database: what was uploaded since is in no record, what was removed since is no loss.
            for path in sorted(folder.files.glob("*")):
                if _FILE.fullmatch(path.name):
                    _add(tar, path, f"{folder.files.name}/{path.name}")


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    try:
        with path.open("rb") as data:
            info = tarfile.TarInfo(name)
            info.size, info.mode = os.fstat(data.fileno()).st_size, _MODE
            tar.addfile(info, data)
    except FileNotFoundError:
        return  # not every folder has every file, and a running server removes some


def read_backup(folder: DataFolder, file: Path) -> None:
    """Make a new folder from a backup. Raises SetupError."""
    folder.create()
    if any(folder.path.iterdir()):
        raise SetupError(f"{folder.path} is not empty; restore into a new folder")
    try:
        with tarfile.open(file, mode="r:") as tar:
            members = [(info, _place(folder, file, info)) for info in tar]
            if folder.database not in {place for _, place in members}:
                raise SetupError(f"{file} is no backup of a Parlour server: it holds no database")
            folder.files.mkdir(mode=0o700)
            for info, place in members:
                data = tar.extractfile(info)
                if data is not None:
                    with private_file(place) as out:
                        shutil.copyfileobj(data, out)
    except (OSError, tarfile.TarError) as error:
        raise SetupError(f"cannot read the backup {file}: {error}") from error


def _place(folder: DataFolder, file: Path, info: tarfile.TarInfo) -> Path:
    """Return where a member of the archive belongs: one of the places that we know, whatever it asks for."""
    if info.isreg():
        for path in (folder.database, *_others(folder)):
            if info.name == path.name:
                return path
        parent, _, name = info.name.rpartition("/")
        if parent == folder.files.name and _FILE.fullmatch(name):
            return folder.files / name
    raise SetupError(f"{file} is no backup of a Parlour server: {info.name!r} is in it")


def _others(folder: DataFolder) -> tuple[Path, ...]:
    return (
        folder.settings,
        folder.ca_certificate,
        folder.ca_key,
        folder.certificate,
        folder.key,
        folder.log_key,
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
