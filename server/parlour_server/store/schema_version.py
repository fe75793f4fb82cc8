"""The version of the database schema that this program works with.

A server refuses a database with any other version; only `migrate.py` changes a schema. This is a separate
file so that a running server loads neither SQLAlchemy nor Alembic.
"""

from pathlib import Path
from typing import Final

SCHEMA_VERSION: Final = "0009"
"""The newest revision in `migrations/versions`; a test compares the two."""


def no_schema(path: Path) -> str:
    """Return the error for a file without a revision."""
    if path.stat().st_size == 0:
        return (
            f"{path} is empty: its data is gone; restore a backup into a new folder"
            " (for a new, empty server remove the file, then run `parlour-server init`)"
        )
    return f"{path} is not a Parlour database; restore a backup into a new folder"
