"""Load balancers that say for whom they speak: PROXY protocol v2, from the addresses in `listen.proxies`."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks

if TYPE_CHECKING:
    from parlour_server.app.parts import Parts
    from parlour_server.core.config.server_settings import Settings


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_server.capabilities.proxy_protocol.balancers import Balancers  # noqa: PLC0415 - not for commands

    if named := parts.settings.listen.proxies:
        hooks.balancer = Balancers(named).reader_for


def _before_tls(settings: "Settings", address: str) -> bytes:
    from parlour_server.capabilities.proxy_protocol.balancers import Balancers  # noqa: PLC0415 - not for `--help`
    from parlour_server.capabilities.proxy_protocol.header import LOCAL_HEADER  # noqa: PLC0415

    return LOCAL_HEADER if Balancers(settings.listen.proxies).reader_for(address) else b""


CAPABILITY: Final = Capability(
    name="proxy_protocol",
    start=_start,
    serves=("listen.proxies",),
    before_tls=_before_tls,
)
