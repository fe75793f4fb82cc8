"""Presence: who is online or away, announced in small rooms and asked for in large ones. Never stored."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.chat.capability import ChatCapability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_server.app.parts import Parts
    from parlour_server.chat.service.chat import Chat
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.core.config.server_settings import Section


def _keys() -> "Mapping[str, type[Section]]":
    from parlour_server.chat.capabilities.online_status.settings import PresenceDelivery  # noqa: PLC0415 - not for `--help`

    return {"delivery": PresenceDelivery}


def _join(parts: "Parts[Any, ChatStore]", chat: "Chat") -> None:
    from parlour_server.chat.capabilities.online_status.presence import Presence  # noqa: PLC0415 - not for commands

    Presence(parts, chat).join()


CAPABILITY: Final = ChatCapability(name="online_status", join=_join, keys=_keys)
