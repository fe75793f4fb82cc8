"""The store in one SQLite file, with a writer thread, group commit and a few reader threads."""

from parlour_server.store.sqlite.sqlite_store import SqliteStore

__all__ = ["SqliteStore"]
