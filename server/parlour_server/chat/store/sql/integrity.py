"""Checks the chat's tables for damage: unreadable events, missing numbers."""

from collections.abc import Iterator
from typing import Final

from parlour_server.app.log.holes import find_holes
from parlour_server.chat.store.sql.column_values import read_body
from parlour_server.core.store.engine.column_values import UNREADABLE
from parlour_server.core.store.engine.connection import Connection

_NOT_DELETED: Final = "log NOT IN (SELECT room FROM rooms WHERE kind = 'deleted')"

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
    for hole in find_holes(db, _NOT_DELETED):
        since = f" from number {hole.first} on" if hole.first > 1 else ""
        yield f"room {hole.log} has {hole.found} events{since}, and should have {hole.due}"
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
