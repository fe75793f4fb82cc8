"""`doctor` and backups: whether files are counted right."""

from collections.abc import Iterator
from typing import Final

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
