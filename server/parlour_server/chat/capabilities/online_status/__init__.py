"""Presence: who is online or away, announced in small rooms and asked for in large ones. Never stored."""

from typing import Final

from parlour_server.app.capability import Sections
from parlour_server.chat.capability import ChatCapability, ChatServed


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.online_status.presence import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.chat.capabilities.online_status.settings import PresenceDelivery  # noqa: PLC0415 - not for `--help`

    return {"delivery": PresenceDelivery}


CAPABILITY: Final = ChatCapability(name="online_status", served=_served, settings=_settings)
