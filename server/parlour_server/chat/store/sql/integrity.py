"""Checks the chat's tables for damage: unreadable events, missing numbers."""

from collections.abc import Iterator
from typing import Final

from parlour_server.chat.store.sql.column_values import read_body
from parlour_server.core.store.engine.column_values import UNREADABLE
from parlour_server.core.store.engine.connection import Connection

_HOLES: Final = """
    SELECT r.room, r.first, r.head, count(e.seq)
    FROM (SELECT room, head, CASE WHEN kept_from > 1 THEN kept_from ELSE 1 END AS first
          FROM rooms JOIN logs ON log = room WHERE kind != 'deleted') r
    LEFT JOIN entries e ON e.log = r.room AND e.seq >= r.first
    GROUP BY r.room, r.first, r.head HAVING count(e.seq) != r.head + 1 - r.first
        OR (SELECT max(seq) FROM entries WHERE entries.log = r.room) != r.head
"""
"""Below ``first`` are the events that retention left, from there on is each one."""

_NO_BODIES: Final = """
    SELECT log, seq FROM entries WHERE body NOT LIKE '{"kind":"%"%}'::bytea ORDER BY log, seq
"""
"""PostgreSQL finds broken pages and text itself; what others wrote is found by its shape."""


def chat_damage(db: Connection, tables: frozenset[str]) -> Iterator[str]:
    """Return what is damaged in the rooms, as sentences."""
    if "rooms" not in tables:
        yield "it holds no rooms"
        return
    yield from _of_the_logs(db)


def _of_the_logs(db: Connection) -> Iterator[str]:
    for room, first, head, count in db.execute(_HOLES):
        since = f" from number {first} on" if first > 1 else ""
        yield f"room {room} has {count} events{since}, and should have {head + 1 - first}"
    if db.is_shared:
        for room, seq in db.execute(_NO_BODIES):
            yield f"event {seq} of room {room} cannot be read"
        return
    query = "SELECT log, seq, CAST(author AS BLOB), CAST(device AS BLOB), body FROM entries"
    for room, seq, author, device, body in db.execute(query):
        try:
            for name in (author, device):
                name.decode()
            read_body(body)
        except UNREADABLE:
            yield f"event {seq} of room {room} cannot be read"
