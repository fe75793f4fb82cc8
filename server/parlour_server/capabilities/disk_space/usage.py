"""The files and tables that take space on a server's disk, each with its bound: `disk show`.

The bounds are those of docs/reference/growth.md in a few words. To know the sizes of tables, all of a SQLite
file is read.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.table_facts import KIT_BOUNDS

_UNKNOWN: Final = "the program's own, or left by a capability that was taken out: `user delete` leaves it"


@dataclass(frozen=True, slots=True)
class Usage:
    """One thing that takes space. ``bytes`` None: not known here."""

    what: str
    bytes: int | None
    bound: str


def usage(
    folder: DataFolder, engine: Engine, bounds: Mapping[str, str], folders: Mapping[str, str]
) -> list[Usage]:
    """Return what takes space, the largest first; ``bounds`` are those of tables, and those of ``folders``.

    A database that can't be opened is one line: on a full disk SQLite may lack room for the files beside it.
    """
    known = {**KIT_BOUNDS, **bounds}
    try:
        tables = [Usage(f"table {name}", size, known.get(name, _UNKNOWN)) for name, size in _tables(engine)]
        tables += _free_pages(engine)
    except SetupError as error:
        tables = [_unopened(folder, engine, str(error))]
    found = [*tables, *_files(folder, engine, folders)]
    return sorted(found, key=lambda one: -(one.bytes or 0))


def _tables(engine: Engine) -> Iterator[tuple[str, int | None]]:
    with engine.explained(), closing(engine.connect_reader()) as db:
        yield from engine.table_sizes(db)


def _free_pages(engine: Engine) -> Iterator[Usage]:
    if isinstance(engine, SqliteEngine):
        with engine.explained(), closing(engine.connect_reader()) as db:
            free = db.execute("PRAGMA freelist_count").fetchone()[0]
            size = db.execute("PRAGMA page_size").fetchone()[0]
        yield Usage("free pages of the database", free * size, "used again; `disk vacuum` gives them back")


def _unopened(folder: DataFolder, engine: Engine, why: str) -> Usage:
    if isinstance(engine, SqliteEngine):
        return Usage(folder.database.name, _size(folder.database), why)
    return Usage("database", None, why)


def _files(folder: DataFolder, engine: Engine, folders: Mapping[str, str]) -> Iterator[Usage]:
    if isinstance(engine, SqliteEngine):
        wal = folder.database_wal
        yield Usage(wal.name, _size(wal), "64 MiB after it grew beyond that")
    yield Usage("operator/", _size(folder.operator_record), "empty once the running server has read it")
    for name, bound in folders.items():
        for path in folder.everywhere(name):
            yield Usage(f"{path.relative_to(folder.path)}/", _size(path), bound)
    if folder.uploads is not None:
        yield Usage("uploads", _size(folder.path / folder.uploads.name), "the program's limits of files")


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(_size(file) for file in path.iterdir())
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
