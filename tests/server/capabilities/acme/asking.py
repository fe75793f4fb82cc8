"""Settings of servers that ask a CA."""

from msgspec.structs import replace

from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.config.server_settings import Connections, Listen


def asking(
    acme: AcmeSettings, listen: Listen | None = None, connections: Connections | None = None
) -> ChatSettings:
    """Return the settings of the chat with these sections."""
    return replace(
        CHAT.settings_type(), acme=acme, listen=listen or Listen(), connections=connections or Connections()
    )
