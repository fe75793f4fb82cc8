"""The version of the database schema that this program works with.

A server compares it with the one in the database and refuses any other; only `migrate.py` changes a
schema. It stands alone so that running a server loads neither SQLAlchemy nor Alembic.
"""

from typing import Final

SCHEMA_VERSION: Final = "0004"
"""The newest revision in `migrations/versions`; a test holds the two equal."""
