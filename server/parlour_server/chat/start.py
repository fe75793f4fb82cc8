"""Starts the chat with a server, and makes the handlers of its operations."""

from collections.abc import Iterable, Mapping

from parlour_server.app.parts import Parts
from parlour_server.chat.capability import ChatServed
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.key_delivery import KeyDelivery
from parlour_server.chat.metrics import CHAT_LIMITS, show_chat
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.service.room_removal import RoomRemoval
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard


async def start_chat(parts: Parts[ChatSettings, ChatStore], capabilities: Iterable[ChatServed]) -> Chat:
    """Start the chat with its capabilities. Raises SetupError."""
    keys = KeyDelivery(parts)
    await keys.publish_policy()
    chat = Chat(parts)
    endpoints = []
    for capability in capabilities:
        if capability.join is not None:
            endpoints.append(capability.join(parts, chat))
        parts.quotas.hits.counts.update(dict.fromkeys(capability.limits, 0))
    parts.hooks.reloaded.append(lambda settings: chat.commands.limit(settings.messages))
    parts.run(chat.positions.run())
    show_chat(parts.metrics, chat, parts.store)
    parts.quotas.hits.counts.update(dict.fromkeys(CHAT_LIMITS, 0))
    parts.run(RoomRemoval(parts.store.rooms, parts.clock).run())

    def handlers(
        guard: RequestGuard, _login: LoginService, reauthentication: Reauthentication
    ) -> Mapping[str, Handler]:
        rates, files = parts.settings.rates, parts.settings.files
        budgets = DeliveryBudgets(rates, files, parts.clock, parts.nodes, parts.quotas.hits)
        made = dict(keys.handlers(guard, reauthentication, budgets, chat.commands))
        for make in endpoints:
            made |= make(guard, budgets) if make else {}
        return made

    parts.hooks.handlers.append(handlers)
    return chat
