"""The capabilities of the chat, beside its core: without its folder and the two lines here, one is gone.

They import the core, the chat, and never each other. What they have in the protocol stays there: a server
without one refuses its requests with ``not_found``.
"""

from typing import Final

from parlour_server.chat.capabilities.chat_personal_data import CAPABILITY as chat_personal_data
from parlour_server.chat.capabilities.drill_permits import CAPABILITY as drill_permits
from parlour_server.chat.capabilities.event_receivers import CAPABILITY as event_receivers
from parlour_server.chat.capabilities.file_sharing import CAPABILITY as file_sharing
from parlour_server.chat.capabilities.key_log_witnesses import CAPABILITY as key_log_witnesses
from parlour_server.chat.capabilities.message_reports import CAPABILITY as message_reports
from parlour_server.chat.capabilities.message_retention import CAPABILITY as message_retention
from parlour_server.chat.capabilities.online_status import CAPABILITY as online_status
from parlour_server.chat.capabilities.webhooks import CAPABILITY as webhooks
from parlour_server.chat.capability import ChatCapability

CHAT_CAPABILITIES: Final[tuple[ChatCapability, ...]] = (
    message_reports,
    file_sharing,
    online_status,
    message_retention,
    chat_personal_data,
    drill_permits,
    webhooks,
    event_receivers,
    key_log_witnesses,
)  # fmt: skip
