"""`ready`: whether the running server is ready, as health checks of containers and a start script ask."""

from typing import Final

from parlour_server.app.capability import Capability
from parlour_server.capabilities.readiness_check.commands import ready

CAPABILITY: Final = Capability(name="readiness_check", commands=(ready,))
