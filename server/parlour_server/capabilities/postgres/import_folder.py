"""Moves a server from the SQLite file of its data folder to PostgreSQL, with its keys and uploaded files.

The old folder is only read, and no server may run on it. The new folder and the database must be empty.
Clients notice nothing: keys, sessions and the incarnation of the logs are the same.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from parlour_server.app.base_app import BaseApp
from parlour_server.capabilities.postgres.server_keys import claim_keys
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.private_file import private_file, write_private
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.config.settings_file import with_values
from parlour_server.host.config.settings_loader import load
from parlour_server.host.setup.disk_reserve import keep_reserve
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.open_store import engine_for

_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImportedFolder:
    """The result of an import."""

    rows: int
    files: int


def import_folder(
    program: BaseApp[Any, Any],
    source: DataFolder,
    folder: DataFolder,
    given: Mapping[str, str],
    begin: Callable[[], object],
) -> ImportedFolder:
    """Make ``folder`` and fill its database, which the settings ``given`` name. Raises SetupError.

    ``begin`` records it in the new folder, before anything else is written.
    """
    from parlour_server.capabilities.postgres.copy_tables import move_tables  # noqa: PLC0415 - loads SQLAlchemy

    source.check()
    old = load(source.settings, program.settings_type, program.name, environment={})
    if engine_for(program, source, old).is_shared:
        raise SetupError(f"{source.path} has its data in PostgreSQL already")
    source.require()
    with locked(source), ExitStack() as undo:
        program.schema.check(source.database)
        if damaged := program.schema.damage(source.database):
            raise SetupError(f"{source.database} is damaged ({damaged[0]}); restore an earlier backup first")
        engine = engine_for(
            program, folder, load(folder.settings, program.settings_type, program.name, flags=given)
        )
        if engine.revisions():
            raise SetupError(f"{engine} is not empty; import into a new database")
        folder.create()
        if any(folder.path.iterdir()):
            raise SetupError(f"{folder.path} is not empty; import into a new folder")
        undo.callback(_remove_all, folder)
        begin()
        _copy_files(source, folder, given)
        files = _copy_uploads(source, folder)
        rows = move_tables(source.database, engine, program.schema)
        undo.pop_all()
        claim_keys(folder, engine)
        keep_reserve(folder)
    return ImportedFolder(rows, files)


def _copy_files(source: DataFolder, folder: DataFolder, given: Mapping[str, str]) -> None:
    """Copy keys, certificates and the configuration, in which the database is the new one."""
    for file in source.files:
        if file.exists():
            write_private(folder.path / file.name, file.read_bytes())
    text = folder.settings.read_text("utf-8") if folder.settings.exists() else ""
    changed = with_values(text, given)
    if f'url = "{given["database.url"]}"' not in changed:
        lines = "".join(f'{name.partition(".")[2]} = "{value}"\n' for name, value in given.items())
        changed += f"\n[database]\n{lines}"
    write_private(folder.settings, changed.encode())


def _copy_uploads(source: DataFolder, folder: DataFolder) -> int:
    """Copy the uploaded files that the database has; returns their number. Raises SetupError."""
    if source.uploads is None:
        return 0
    target = folder.path / source.uploads.name
    target.mkdir(mode=0o700)
    db = SqliteEngine(source.database).connect_reader()
    try:
        recorded = source.uploads.recorded(db, SystemClock().now())
    finally:
        db.close()
    for name, size, sha256 in recorded:
        digest, copied = hashlib.sha256(), 0
        file = source.path / source.uploads.name / name
        try:
            with file.open("rb") as data, private_file(target / name) as out:
                while chunk := data.read(_CHUNK):
                    copied += len(chunk)
                    digest.update(chunk)
                    out.write(chunk)
        except OSError as error:
            raise SetupError(f"cannot copy the uploaded file {file}: {error.strerror}") from error
        if (copied, digest.digest()) != (size, sha256):
            raise SetupError(f"the uploaded file {file} is damaged; look for it in a backup")
    return len(recorded)


def _remove_all(folder: DataFolder) -> None:
    """Remove what was copied; the folder was empty before."""
    for path in sorted(folder.path.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
