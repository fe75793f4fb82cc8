"""The tables, for every database: what Alembic compares the migrations with.

Never imported by a running server: its statements are plain SQL in the implementations. Times are
milliseconds since 1970; a time limit (`until`) of 0 means for good. Names, ids and kinds are keys as they
are, because none of them ever changes. Used by the migration environment.
"""

from parlour_server.store.schema import account_tables as accounts
from parlour_server.store.schema import consent_tables as consent
from parlour_server.store.schema import device_tables as devices
from parlour_server.store.schema import file_tables as files
from parlour_server.store.schema import group_tables as groups
from parlour_server.store.schema import report_tables as reports
from parlour_server.store.schema import room_tables as rooms
from parlour_server.store.schema import server_tables as upkeep
from parlour_server.store.schema.columns import metadata

__all__ = ["accounts", "consent", "devices", "files", "groups", "metadata", "reports", "rooms", "upkeep"]
