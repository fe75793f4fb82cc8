"""The version of the database schema that this program works with.

A server compares it with the one in the database and refuses any other; only `migrate.py` changes a schema.
It is a file of its own so that running a server loads neither SQLAlchemy nor Alembic.
"""

from pathlib import Path
from typing import Final

SCHEMA_VERSION: Final = "0009"
"""The newest revision in `migrations/versions`; a test holds the two equal."""


def no_schema(path: Path) -> str:
    """Return what to say of a file in which no revision stands."""
    if path.stat().st_size == 0:
        return (
            f"{path} is empty: its data is gone; restore a backup into a new folder"
            " (for a new, empty server remove the file, then run `parlour-server init`)"
        )
    return f"{path} is not a Parlour database; restore a backup into a new folder"
