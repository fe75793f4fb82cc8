"""What backups and `doctor` must know of files: which there should be, and whether they are counted right."""

from collections.abc import Iterator
from typing import Final

from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId
from parlour_protocol.kit.ids import Millis
from parlour_server.core.store.engine.connection import Connection

_COUNTED: Final = """
    SELECT owner, sum(counted) FROM (
        SELECT owner, bytes AS counted FROM file_usage WHERE owner != ''
        UNION ALL SELECT owner, -size FROM files
        UNION ALL SELECT 'all together', bytes FROM file_usage WHERE owner = ''
        UNION ALL SELECT 'all together', -size FROM files
    ) AS counts GROUP BY owner HAVING sum(counted) != 0
"""


def file_damage(db: Connection, tables: frozenset[str]) -> Iterator[str]:
    """Return what is damaged, as sentences."""
    if "file_usage" in tables:
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
