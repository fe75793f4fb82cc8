"""Checks a database for damage: the engine's own findings, then those of the program.

It changes nothing and works while a server writes. SQLite's check finds broken pages, not changed content, so
a program's check reads what it can read only as a whole. PostgreSQL knows of broken pages itself, by their
checksums; there the checks are queries, and no event crosses the network.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Final

from parlour_server.core.store.engine.connection import Connection, Engine

MOST: Final = 10
"""The most sentences about one database: enough to see where it is damaged."""

Check = Callable[[Connection, frozenset[str]], Iterator[str]]
"""Finds damage in a program's tables, as sentences. A backup may be older: these tables are there."""

_TRIGGERS: Final = """
    SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND relnamespace = ANY (current_schemas(false)::regnamespace[]) ORDER BY tgname
"""
_INVALID_INDEXES: Final = """
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT indisvalid AND relnamespace = ANY (current_schemas(false)::regnamespace[]) ORDER BY relname
"""
_FOREIGN_KEYS: Final = """
    SELECT conrelid::regclass::text, confrelid::regclass::text, (
        SELECT string_agg(format('child.%I = parent.%I', mine.attname, theirs.attname), ' AND ')
        FROM unnest(conkey, confkey) AS pair (here, there)
        JOIN pg_attribute AS mine ON mine.attrelid = conrelid AND mine.attnum = pair.here
        JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attnum = pair.there
    ), (
        SELECT string_agg(format('child.%I IS NOT NULL', attname), ' AND ')
        FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
    )
    FROM pg_constraint WHERE contype = 'f' AND connamespace = ANY (current_schemas(false)::regnamespace[])
    ORDER BY 1, 2
"""
"""Each reference: its table, the one that it refers to, how they are joined, and which rows refer at all."""


def damage(engine: Engine, check: Check) -> list[str]:
    """Return the damage as sentences, at most ``MOST``; none for an intact database."""
    found: list[str] = []
    try:
        with closing(engine.connect_reader()) as db, db.snapshot():
            for sentence in islice(_damage(db, check), MOST):
                found.append(sentence)  # noqa: PERF402 - what was found before a failure counts
    except engine.failures as error:
        found.append(f"it cannot be read: {' '.join(str(error).split())}")
    return found


def table_names(db: Connection) -> frozenset[str]:
    """Return the names of all tables."""
    if isinstance(db, sqlite3.Connection):
        query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    else:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"
    return frozenset(name for (name,) in db.execute(query).fetchall())


def _damage(db: Connection, check: Check) -> Iterator[str]:
    if isinstance(db, sqlite3.Connection):
        yield from _of_the_file(db)
    else:
        db.execute("SET LOCAL statement_timeout = 0")  # a large table takes longer
        yield from _of_the_tables(db)
    tables = table_names(db)
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


def _of_the_tables(db: Connection) -> Iterator[str]:
    """Return what PostgreSQL itself would refuse, but for superusers and restores that turn that off."""
    for (name,) in db.execute(_TRIGGERS):
        yield f"it has a trigger that no version of Parlour creates: {name!a}"
    for (name,) in db.execute(_INVALID_INDEXES):
        yield f"its index {name!a} is invalid: make it again with REINDEX INDEX"
    for table, other, joined, refers in db.execute(_FOREIGN_KEYS):
        [count] = db.execute(
            f"SELECT count(*) FROM {table} AS child WHERE {refers}"  # noqa: S608 - PostgreSQL quoted the names
            f" AND NOT EXISTS (SELECT FROM {other} AS parent WHERE {joined})"
        ).fetchone()
        if count:
            yield f"{count} rows of the table {table!a} refer to nothing in {other!a}"
