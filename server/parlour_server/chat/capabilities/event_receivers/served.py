"""Receivers in a running chat: they are sent what happens in their rooms."""

from typing import Any, Final

from parlour_server.app.metrics import Kind, Metric, Scope
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.event_receivers.queue import CHANGED, EventQueue
from parlour_server.chat.capabilities.event_receivers.sender import EventSender
from parlour_server.chat.capability import ChatServed
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.store.chat_store import ChatStore

_WAITING: Final = Metric(
    "event_deliveries_waiting", Kind.GAUGE, "Events that have still to be sent", scope=Scope.DATABASE
)
_FAILED: Final = Metric(
    "event_deliveries_failed", Kind.GAUGE, "Events that were given up", scope=Scope.DATABASE
)


def _join(parts: Parts[Any, ChatStore], _chat: Chat) -> None:
    sender = EventSender(parts)
    parts.hooks.read_again[CHANGED] = sender.refresh
    parts.run(sender.run())
    parts.metrics.rows(EventQueue(parts.store).count, _WAITING, _FAILED)


SERVED: Final = ChatServed(join=_join, metrics=(_WAITING, _FAILED))
