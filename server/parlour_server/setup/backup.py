"""A server's data in one file, and back.

The database is copied by SQLite's own backup, so that a running server may go on writing; the result is a
plain tar of mode 0600, because private keys lie in it. Restoring takes only the files that a backup holds, by
name, into a new folder: nothing in an archive can name a place to write to. The command line calls it.
"""

import io
import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from parlour_server.errors import SetupError
from parlour_server.setup.datafolder import DataFolder, write_private

_MODE: Final = 0o600


def write_backup(folder: DataFolder, file: Path) -> None:
    """Write all of the folder to a new file. Raises SetupError."""
    if file.exists():
        raise SetupError(f"{file} exists; choose another name, backups are not overwritten")
    with tempfile.TemporaryDirectory(dir=folder.path, prefix=".backup-") as work:
        copy = Path(work) / folder.database.name
        _copy_database(folder.database, copy)
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in (copy, *_others(folder)):
                if path.exists():
                    info = tarfile.TarInfo(path.name)
                    info.size, info.mode = path.stat().st_size, _MODE
                    with path.open("rb") as data:
                        tar.addfile(info, data)
    write_private(file, whole.getvalue())


def read_backup(folder: DataFolder, file: Path) -> None:
    """Make a new folder from a backup. Raises SetupError."""
    folder.create()
    if any(folder.path.iterdir()):
        raise SetupError(f"{folder.path} is not empty; restore into a new folder")
    wanted = {path.name for path in (folder.database, *_others(folder))}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(file, mode="r:") as tar:
            for info in tar:
                data = tar.extractfile(info) if info.isreg() and info.name in wanted else None
                if data is None:
                    raise SetupError(f"{file} is no backup of a Parlour server: {info.name!r} is in it")
                found[info.name] = data.read()
    except (OSError, tarfile.TarError) as error:
        raise SetupError(f"cannot read the backup {file}: {error}") from error
    if folder.database.name not in found:
        raise SetupError(f"{file} is no backup of a Parlour server: it holds no database")
    for name, content in found.items():
        write_private(folder.path / name, content)


def _others(folder: DataFolder) -> tuple[Path, ...]:
    return (folder.settings, folder.ca_certificate, folder.ca_key, folder.certificate, folder.key)


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
