"""Backups of the server: one file with everything, or a folder to which each adds only what has changed."""

from typing import Final

from parlour_server.capabilities.server_backups.commands import backup
from parlour_server.kit.capability import Capability

CAPABILITY: Final = Capability(name="server_backups", commands=(backup,))
