"""Retention in a running chat: it sets how long a room keeps messages, and removes older ones."""

from typing import Any, Final

from parlour_protocol.frames.bodies import RetentionSet
from parlour_protocol.frames.requests import SetRetention
from parlour_protocol.kit.ids import Millis
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.message_retention.expiry import ExpiryEvent, MessageExpiry, expire_now
from parlour_server.chat.capabilities.message_retention.settings import KeepSettings
from parlour_server.chat.capabilities.message_retention.store import RetentionStore
from parlour_server.chat.capability import ChatServed
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.service.peer_state import ChatPeer
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent
from parlour_server.core.clock import DAY_MILLIS, Clock
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.program import Pending


def _join(parts: Parts[Any, ChatStore], chat: Chat) -> None:
    """Handle the request, and remove what is due until the server stops."""
    settings = section(parts.settings, KeepSettings)

    def set_retention(peer: ChatPeer, asked: SetRetention) -> Pending[AppendedEvent]:
        applies = Millis(parts.clock.now() + settings.notice_days * DAY_MILLIS)
        return chat.commands.append_body(peer, asked, RetentionSet(asked.days, applies))

    chat.hooks.handlers[SetRetention] = set_retention
    store = RetentionStore(parts.store)
    parts.run(MessageExpiry(store, settings, chat.hooks, parts.clock, parts.audit).run())


async def _prune(store: ChatStore, settings: Settings, clock: Clock) -> int:
    return await expire_now(RetentionStore(store), section(settings, KeepSettings), clock)


SERVED: Final = ChatServed(join=_join, audit_events=tuple(ExpiryEvent), prune=_prune)
