"""The tables, for every database: what Alembic compares the migrations with.

Never imported by a running server: its statements are plain SQL in the implementations. Times are
milliseconds since 1970; a time limit (`until`) of 0 means for good. Names, ids and kinds are keys as they
are, because none of them ever changes. Used by `migrate.py` and the migration environment.
"""

from parlour_server.store.schema import accounts, consent, devices, files, groups, rooms, upkeep
from parlour_server.store.schema.base import metadata

__all__ = ["accounts", "consent", "devices", "files", "groups", "metadata", "rooms", "upkeep"]
