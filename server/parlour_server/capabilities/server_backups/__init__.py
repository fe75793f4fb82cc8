"""Backups of the server: one file with everything, or a folder to which each adds only what has changed."""

from typing import Final

from parlour_server.app.capability import Capability
from parlour_server.capabilities.server_backups.commands import backup, new_incarnation

CAPABILITY: Final = Capability(name="server_backups", commands=(backup, new_incarnation))
