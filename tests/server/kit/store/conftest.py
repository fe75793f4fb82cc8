"""The stores that the engine's tests open."""

from tests.server.store.conftest import clock, database, maker, new_database, store, world

__all__ = ["clock", "database", "maker", "new_database", "store", "world"]
