"""Finds logs that lack entries."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from parlour_server.core.store.engine.connection import Connection

_HOLES: Final = """
    SELECT l.log, l.first, l.head, count(e.seq)
    FROM (SELECT log, head, CASE WHEN kept_from > 1 THEN kept_from ELSE 1 END AS first
          FROM logs WHERE {which}) l
    LEFT JOIN entries e ON e.log = l.log AND e.seq >= l.first
    GROUP BY l.log, l.first, l.head HAVING count(e.seq) != l.head + 1 - l.first
        OR (SELECT max(seq) FROM entries WHERE entries.log = l.log) != l.head
"""
"""Below ``first`` are the entries that retention left, from there on is each one."""


class Hole(NamedTuple):
    """A log with ``found`` entries from number ``first`` on, and not one for each number up to ``head``."""

    log: str
    first: int
    head: int
    found: int

    @property
    def due(self) -> int:
        """How many entries it should have."""
        return self.head + 1 - self.first


def find_holes(db: Connection, which: str = "1 = 1") -> Iterator[Hole]:
    """Return logs that lack entries; ``which`` is a condition of ours."""
    for row in db.execute(_HOLES.format(which=which)):
        yield Hole(*row)
