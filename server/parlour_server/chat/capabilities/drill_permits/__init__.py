"""Permits to attack this server for a while, with `parlour drill --server`."""

from typing import Final

from parlour_server.chat.capabilities.drill_permits.commands import drill_permit
from parlour_server.chat.capability import ChatCapability

CAPABILITY: Final = ChatCapability(name="drill_permits", commands=(drill_permit,))
