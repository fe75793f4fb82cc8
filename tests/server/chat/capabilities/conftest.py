"""What tests of the chat's capabilities share with those of its store: one on both engines, and people in it."""

from tests.server.chat.store.conftest import clock, delivery, maker, store, world  # noqa: F401
