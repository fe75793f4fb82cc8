"""What the chat has of an account, deleted and exported: its part in `user delete` and `user export`."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.chat.capability import ChatCapability

if TYPE_CHECKING:
    from parlour_server.app.account_data import AccountData


def _account_data() -> "AccountData[Any]":
    from parlour_server.chat.capabilities.chat_personal_data.account_data import CHAT_ACCOUNT_DATA  # noqa: PLC0415 - not for `--help`

    return CHAT_ACCOUNT_DATA


CAPABILITY: Final = ChatCapability(name="chat_personal_data", account_data=_account_data)
