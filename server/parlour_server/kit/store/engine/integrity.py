"""Checks a database for damage: SQLite's own findings, then those of the program.

It changes nothing and works while a server writes. SQLite's check finds broken pages, not changed content, so
a program's check reads what it can read only as a whole.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from parlour_server.kit.store.engine.sqlite_engine import connect_reader

MOST: Final = 10
"""The most sentences about one database: enough to see where it is damaged."""

Check = Callable[[sqlite3.Connection, frozenset[str]], Iterator[str]]
"""Finds damage in a program's tables, as sentences. A backup may be older: these tables are there."""


def damage(path: Path, check: Check) -> list[str]:
    """Return the damage as sentences, at most ``MOST``; none for an intact database."""
    found: list[str] = []
    try:
        with closing(connect_reader(path)) as db, db.snapshot():
            for sentence in islice(_damage(db, check), MOST):
                found.append(sentence)  # noqa: PERF402 - what was found before a failure counts
    except sqlite3.Error as error:
        found.append(f"it cannot be read: {error}")
    return found


def _damage(db: sqlite3.Connection, check: Check) -> Iterator[str]:
    yield from _of_the_file(db)
    tables = frozenset(name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"))
    yield from check(db, tables)
    if "incarnation" in tables and db.execute("SELECT count(*) FROM incarnation").fetchone() != (1,):
        yield "it has no incarnation for its logs"


def _of_the_file(db: sqlite3.Connection) -> Iterator[str]:
    db.execute("PRAGMA cell_size_check = ON")
    for (sentence,) in db.execute(f"PRAGMA integrity_check({MOST})"):
        if sentence != "ok":
            yield sentence
    for kind, name in db.execute("SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'view')"):
        yield f"it has a {kind} that no version of Parlour creates: {name!a}"
    for table, row, _, _ in db.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of the table {table!a} refers to nothing"
