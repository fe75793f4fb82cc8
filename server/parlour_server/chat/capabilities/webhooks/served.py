"""Webhooks in a running chat."""

from collections.abc import Mapping
from typing import Any, Final

from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.webhooks.operations import WEBHOOK_OPERATIONS
from parlour_server.chat.capabilities.webhooks.posts import WebhookPosts
from parlour_server.chat.capability import ChatServed, Endpoints
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard


def _join(parts: Parts[Any, ChatStore], _chat: Chat) -> Endpoints:
    def endpoints(guard: RequestGuard, _budgets: DeliveryBudgets) -> Mapping[str, Handler]:
        return WebhookPosts(parts, guard).handlers

    return endpoints


SERVED: Final = ChatServed(join=_join, operations=WEBHOOK_OPERATIONS, limits=("webhooks.posts_per_minute",))
