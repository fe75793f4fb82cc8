"""The chat's data about an account, deleted and exported: its part in `user delete` and `user export`."""

from typing import Final

from parlour_server.chat.capability import ChatCapability, ChatServed


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.chat_personal_data.account_data import SERVED  # noqa: PLC0415 - not for others

    return SERVED


CAPABILITY: Final = ChatCapability(name="chat_personal_data", served=_served)
