"""Checks a database for damage: the engine's own findings, then those of the program.

It changes nothing and works while a server writes. SQLite's check finds broken pages, not changed content, so
a program's check reads what it can read only as a whole.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Final

from parlour_server.core.store.engine.connection import Connection, Engine

MOST: Final = 10
"""The most sentences about one database: enough to see where it is damaged."""

Check = Callable[[Connection, frozenset[str]], Iterator[str]]
"""Finds damage in a program's tables, as sentences. A backup may be older: these tables are there."""


def damage(engine: Engine, check: Check) -> list[str]:
    """Return the damage as sentences, at most ``MOST``; none for an intact database."""
    found: list[str] = []
    try:
        with closing(engine.connect_reader()) as db, db.snapshot():
            for sentence in islice(_damage(engine, db, check), MOST):
                found.append(sentence)  # noqa: PERF402 - what was found before a failure counts
    except engine.failures as error:
        found.append(f"it cannot be read: {' '.join(str(error).split())}")
    return found


def _damage(engine: Engine, db: Connection, check: Check) -> Iterator[str]:
    yield from engine.find_damage(db)
    tables = engine.table_names(db)
    yield from check(db, tables)
    if "incarnation" in tables and db.execute("SELECT count(*) FROM incarnation").fetchone() != (1,):
        yield "it has no incarnation for its logs"
