"""Checks the chat's tables for damage: unreadable events, missing numbers, files that are not counted."""

from collections.abc import Iterator
from typing import Final

from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId
from parlour_protocol.kit.ids import Millis
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

_COUNTED: Final = """
    SELECT owner, sum(counted) FROM (
        SELECT owner, bytes AS counted FROM file_usage WHERE owner != ''
        UNION ALL SELECT owner, -size FROM files
        UNION ALL SELECT 'all together', bytes FROM file_usage WHERE owner = ''
        UNION ALL SELECT 'all together', -size FROM files
    ) AS counts GROUP BY owner HAVING sum(counted) != 0
"""

_NO_BODIES: Final = """
    SELECT log, seq FROM entries WHERE body NOT LIKE '{"kind":"%"%}'::bytea ORDER BY log, seq
"""
"""PostgreSQL finds broken pages and text itself; what others wrote is found by its shape."""


def chat_damage(db: Connection, tables: frozenset[str]) -> Iterator[str]:
    """Return what is damaged in the rooms and the files, as sentences."""
    if "rooms" not in tables:
        yield "it holds no rooms"
        return
    yield from _of_the_logs(db)
    for owner, off in db.execute(_COUNTED):
        yield f"the files of {owner} are counted with {off} bytes too many"


def stored_files(db: Connection, now: Millis) -> list[tuple[FileId, int, Digest]]:
    """Return size and digest of every uploaded file whose bytes must be there."""
    rows = db.execute(
        # without a digest its bytes are still coming
        "SELECT file, size, sha256 FROM files WHERE length(sha256) > 0 AND (expires IS NULL OR expires > ?)",
        (now,),
    ).fetchall()
    return [(FileId(file), size, Digest(sha256)) for file, size, sha256 in rows]


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
