"""Retention: messages older than a room or the server keeps them are removed, with what belonged to them.

What a room is set to is among its columns, so that its summary can say it; without this nothing sets it.
"""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.chat.capabilities.message_retention.audit_events import ExpiryEvent
from parlour_server.chat.capabilities.message_retention.commands import retention
from parlour_server.chat.capability import ChatCapability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_server.app.parts import Parts
    from parlour_server.chat.service.chat import Chat
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.store_part import StorePart
    from parlour_server.core.clock import Clock
    from parlour_server.core.config.server_settings import Section, Settings


def _keys() -> "Mapping[str, type[Section]]":
    from parlour_server.chat.capabilities.message_retention.settings import KeepSettings  # noqa: PLC0415 - not for `--help`

    return {"messages": KeepSettings}


def _in_store() -> "tuple[StorePart, ...]":
    from parlour_server.chat.capabilities.message_retention.store import RETENTION_IN_STORE  # noqa: PLC0415 - as above

    return (RETENTION_IN_STORE,)


async def _prune(store: "ChatStore", settings: "Settings", clock: "Clock") -> int:
    from parlour_server.chat.capabilities.message_retention.expiry import expire_now  # noqa: PLC0415 - not for all
    from parlour_server.chat.capabilities.message_retention.settings import KeepSettings  # noqa: PLC0415
    from parlour_server.chat.capabilities.message_retention.store import RetentionStore  # noqa: PLC0415
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415

    return await expire_now(RetentionStore(store), section(settings, KeepSettings), clock)


def _join(parts: "Parts[Any, ChatStore]", chat: "Chat") -> None:
    from parlour_server.chat.capabilities.message_retention.join import join  # noqa: PLC0415 - not for commands

    join(parts, chat)


CAPABILITY: Final = ChatCapability(
    name="message_retention",
    join=_join,
    keys=_keys,
    audit_events=tuple(ExpiryEvent),
    in_store=_in_store,
    prune=_prune,
    room_commands=(retention,),
)
