"""Copies every row of a SQLite database into new tables of PostgreSQL, and compares all of them afterwards.

It knows no table: their names, columns and order are those of the new tables, and what SQLite has besides is
refused. Everything happens in the transaction that makes the tables, so a failed copy leaves nothing behind.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from psycopg import DataError, sql
from sqlalchemy import Connection, MetaData

from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.sqlite_engine import SqliteConnection, connect_reader
from parlour_server.core.store.schema import Schema
from parlour_server.host.setup import migrate

_REVISION: Final = "alembic_version"
_TABLES: Final = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
)
_MODULUS: Final = 2**256


def move_tables(source: Path, target: Engine, schema: Schema) -> int:
    """Create the tables in an empty database and copy all rows; returns how many. Raises SetupError."""
    moved = 0

    def fill(connection: Connection) -> None:
        nonlocal moved
        with closing(connect_reader(source)) as db, db.snapshot():
            moved = _fill(connection, db)

    try:
        migrate.create(target, schema, fill)
    except (sqlite3.Error, DataError) as error:
        raise SetupError(
            f"{source} cannot be copied ({error}); `{schema.program.command} doctor` looks it over"
        ) from error
    return moved


def _fill(connection: Connection, source: SqliteConnection) -> int:
    tables = MetaData()
    tables.reflect(connection)
    ordered = [table for table in tables.sorted_tables if table.name != _REVISION]
    theirs = {str(name) for (name,) in source.execute(_TABLES)} - {_REVISION}
    if theirs != {table.name for table in ordered}:
        other = ", ".join(sorted(theirs ^ {table.name for table in ordered}))
        raise SetupError(f"the tables of the two databases differ ({other}); nothing was copied")
    raw = connection.connection.driver_connection
    if raw is None:
        raise TypeError("a connection of psycopg")
    for table in reversed(ordered):  # what a new database has
        raw.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
    return sum(_copy(raw, source, table.name, [column.name for column in table.columns]) for table in ordered)


def _copy(target: Any, source: SqliteConnection, table: str, columns: list[str]) -> int:
    """Copy a table; returns the number of its rows."""
    name, names = sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    quoted = ", ".join(f'"{column}"' for column in columns)
    copied = _Digest(source.execute(f'SELECT {quoted} FROM "{table}"'))  # noqa: S608 - names of our own schema
    with target.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(name, names)) as copy:
            for row in copied:
                copy.write_row(row)
        for column in columns:
            _continue_numbers(cursor, table, column)
    with target.cursor(name="copied") as cursor:
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(names, name))
        found = _Digest(cursor)
        for _ in found:
            pass
    if (found.rows, found.value) != (copied.rows, copied.value):
        raise SetupError(f"the copy of the table {table} differs from the original; nothing was copied")
    return copied.rows


class _Digest:
    """Rows, and what they are together in any order."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = rows
        self.rows = 0
        self.value = 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self._rows:
            self.rows += 1
            digest = hashlib.sha256(repr(tuple(row)).encode()).digest()
            self.value = (self.value + int.from_bytes(digest)) % _MODULUS
            yield row


def _continue_numbers(cursor: Any, table: str, column: str) -> None:
    """Let the database number new rows after the copied ones."""
    [sequence] = cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", (f'"{table}"', column)).fetchone()
    if sequence is not None:
        newest = sql.SQL("SELECT setval(%s, max({})) FROM {}").format(
            sql.Identifier(column), sql.Identifier(table)
        )
        cursor.execute(newest, (sequence,))
