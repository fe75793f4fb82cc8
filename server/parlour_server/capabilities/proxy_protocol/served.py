"""The PROXY protocol in a server: it reads the header of the load balancers that the settings name."""

from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.proxy_protocol.balancers import Balancers


async def _start(parts: Parts[Any, Any]) -> None:
    if named := parts.settings.listen.proxies:
        parts.hooks.balancer = Balancers(named).reader_for


SERVED: Final = Served(start=_start)
