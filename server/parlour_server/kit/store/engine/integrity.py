"""Checks a database for damage: SQLite's own findings, unreadable events, missing numbers.

It changes nothing and works while a server writes. SQLite's check finds broken pages, not changed bodies, so
every event is read as well.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId
from parlour_protocol.kit.ids import Millis
from parlour_server.kit.store.engine.column_values import UNREADABLE, read_body
from parlour_server.kit.store.engine.connection import connect_reader, snapshot

MOST: Final = 10
"""The most sentences about one database: enough to see where it is damaged."""
_HOLES: Final = """
    SELECT r.room, r.head, count(e.seq) FROM rooms r LEFT JOIN events e USING (room)
    GROUP BY r.room HAVING count(e.seq) != r.head OR max(e.seq) != r.head
"""


_COUNTED: Final = """
    SELECT owner, sum(counted) FROM (
        SELECT owner, bytes AS counted FROM file_usage WHERE owner != ''
        UNION ALL SELECT owner, -size FROM files
        UNION ALL SELECT 'all together', bytes FROM file_usage WHERE owner = ''
        UNION ALL SELECT 'all together', -size FROM files
    ) GROUP BY owner HAVING sum(counted) != 0
"""


def damage(path: Path) -> list[str]:
    """Return the damage as sentences, at most ``MOST``; none for an intact database."""
    found: list[str] = []
    try:
        with closing(connect_reader(path)) as db, snapshot(db):
            for sentence in islice(_damage(db), MOST):
                found.append(sentence)  # noqa: PERF402 - what was found before a failure counts
    except sqlite3.Error as error:
        found.append(f"it cannot be read: {error}")
    return found


def stored_files(path: Path, now: Millis) -> list[tuple[FileId, int, Digest]]:
    """Return size and digest of every uploaded file whose bytes must be there. Raises sqlite3.Error."""
    with closing(connect_reader(path)) as db:
        rows = db.execute(
            "SELECT file, size, sha256 FROM files WHERE expires IS NULL OR expires > ?", (now,)
        ).fetchall()
    return [(FileId(file), size, Digest(sha256)) for file, size, sha256 in rows]


def _damage(db: sqlite3.Connection) -> Iterator[str]:
    yield from _of_the_file(db)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if "events" not in tables:
        yield "it holds no rooms"
        return
    yield from _of_the_logs(db)
    if "incarnation" in tables and db.execute("SELECT count(*) FROM incarnation").fetchone() != (1,):
        yield "it has no incarnation for its logs"
    if "file_usage" in tables:  # a backup may be of an earlier version
        for owner, off in db.execute(_COUNTED):
            yield f"the files of {owner} are counted with {off} bytes too many"


def _of_the_file(db: sqlite3.Connection) -> Iterator[str]:
    db.execute("PRAGMA cell_size_check = ON")
    for (sentence,) in db.execute(f"PRAGMA integrity_check({MOST})"):
        if sentence != "ok":
            yield sentence
    for kind, name in db.execute("SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'view')"):
        yield f"it has a {kind} that no version of Parlour creates: {name!a}"
    for table, row, _, _ in db.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of the table {table!a} refers to nothing"


def _of_the_logs(db: sqlite3.Connection) -> Iterator[str]:
    for room, head, count in db.execute(_HOLES):
        yield f"room {room} has {count} events, and should have {head}"
    query = "SELECT room, seq, CAST(author AS BLOB), CAST(device AS BLOB), body FROM events"
    for room, seq, author, device, body in db.execute(query):
        try:
            for name in (author, device):
                name.decode()
            read_body(body)
        except UNREADABLE:
            yield f"event {seq} of room {room} cannot be read"
