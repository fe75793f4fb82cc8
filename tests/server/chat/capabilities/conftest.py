"""What tests of the chat's capabilities share with others: a store on both engines, and people who chat."""

from tests.server.chat.service.conftest import chat  # noqa: F401
from tests.server.chat.store.conftest import administration, clock, delivery, maker, store, world  # noqa: F401
