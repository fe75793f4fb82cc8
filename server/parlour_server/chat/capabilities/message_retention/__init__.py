"""Retention: messages older than a room or the server keeps them are removed, with what belonged to them.

What a room is set to is among its columns, so that its summary can say it; without this nothing sets it.
"""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Sections
from parlour_server.chat.capabilities.message_retention.commands import room
from parlour_server.chat.capability import ChatCapability, ChatServed

if TYPE_CHECKING:
    from parlour_server.chat.store.store_part import StorePart


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.message_retention.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.chat.capabilities.message_retention.settings import KeepSettings  # noqa: PLC0415 - not for `--help`

    return {"messages": KeepSettings}


def _in_store() -> "StorePart":
    from parlour_server.chat.capabilities.message_retention.store import RETENTION_IN_STORE  # noqa: PLC0415 - as above

    return RETENTION_IN_STORE


CAPABILITY: Final = ChatCapability(
    name="message_retention", served=_served, settings=_settings, commands=(room,), in_store=_in_store
)
