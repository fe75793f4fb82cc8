"""What only the running server of the chat needs to know before it starts it."""

from typing import TYPE_CHECKING, Final

from parlour_protocol.frames.wire import WIRE
from parlour_server.app.served_program import ServedProgram
from parlour_server.chat.audit import ChatAuditEvent
from parlour_server.chat.delivery.audit_events import REPEATABLE, DeliveryEvent
from parlour_server.chat.delivery.https.error_answers import ERROR_ANSWERS, ERROR_STATUSES
from parlour_server.chat.delivery.https.operations import DELIVERY_OPERATIONS
from parlour_server.chat.service.notices import NOTICES

if TYPE_CHECKING:
    from parlour_server.app.parts import Parts, RunningProgram
    from parlour_server.chat.settings import ChatSettings
    from parlour_server.chat.store.chat_store import ChatStore

_SUMMARY: Final = (
    "Accounts, sessions, devices, groups and files; the chat itself is a WebSocket (asyncapi.json)."
)


async def _start(parts: "Parts[ChatSettings, ChatStore]") -> "RunningProgram[ChatSettings]":
    from parlour_server.chat.app import start_chat  # noqa: PLC0415 - loads the whole server

    return await start_chat(parts)


CHAT_SERVED: Final = ServedProgram(
    wire=WIRE,
    start=_start,
    operations=DELIVERY_OPERATIONS,
    api_summary=_SUMMARY,
    error_answers=ERROR_ANSWERS,
    error_statuses=ERROR_STATUSES,
    notices=NOTICES,
    audit_events=(*ChatAuditEvent, *DeliveryEvent),
    repeatable_events=REPEATABLE,
)
