"""Deletes expired data, a little at a time.

A reader finds the rows, and the writer deletes them in small batches that share a commit with other writes,
so that no one waits. Only data that expired months ago is deleted: a clock that jumps ahead and back must not
lift a ban or end a live session. docs/reference/growth.md lists everything that grows.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from parlour_protocol.kit.ids import Millis
from parlour_server.core.store.engine.connection import Connection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.table_facts import Rule

GRACE_MILLIS: Final = 90 * 86_400_000
"""How long ago data must have expired."""
BATCH: Final = 200
"""Rows deleted by one write, in less than a millisecond."""


KIT_RULES: Final = (
    Rule("sessions", ("session",), "expires <= ?1"),
    Rule("invites", ("digest",), "expires <= ?1"),
    Rule("attempts", ("key",), "last <= ?1"),
)


async def prune(writer: Writer, readers: Readers, now: Millis, rules: Iterable[Rule]) -> int:
    """Delete a batch by each rule; returns the number of rows. Raises UnavailableError."""
    before, gone = now - GRACE_MILLIS, 0
    for rule in rules:
        found = await readers.run(partial(_find, rule=rule, before=before))
        if found:
            gone += await writer.submit(partial(_remove, rule=rule, before=before, found=found))
    return gone


def _find(db: Connection, *, rule: Rule, before: int) -> list[tuple[Any, ...]]:
    query = f"SELECT {', '.join(rule.key)} FROM {rule.table} WHERE {rule.over} LIMIT ?2"  # noqa: S608 - of ours
    return db.execute(query, (before, BATCH)).fetchall()


def _remove(db: Connection, *, rule: Rule, before: int, found: list[tuple[Any, ...]]) -> int:
    # With the condition again: someone may have been banned again in the meantime.
    keys = " AND ".join(f"{column} = ?{number}" for number, column in enumerate(rule.key, 2))
    query = f"DELETE FROM {rule.table} WHERE {keys} AND {rule.over}"  # noqa: S608 - of ours
    return sum(db.execute(query, (before, *row)).rowcount for row in found)
