"""Witnesses of a running chat's key log."""

from collections.abc import Mapping
from typing import Any, Final

from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.key_log_witnesses.endpoints import WitnessEndpoints
from parlour_server.chat.capabilities.key_log_witnesses.operations import WITNESS_OPERATIONS
from parlour_server.chat.capability import ChatServed, Endpoints
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.signatures import SigningKey


def _join(parts: Parts[Any, ChatStore], _chat: Chat) -> Endpoints:
    log_key = SigningKey.load(parts.folder.signing_key)

    def endpoints(guard: RequestGuard, _budgets: DeliveryBudgets) -> Mapping[str, Handler]:
        return WitnessEndpoints(parts, log_key, guard).handlers

    return endpoints


SERVED: Final = ChatServed(join=_join, operations=WITNESS_OPERATIONS)
