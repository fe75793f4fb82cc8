"""Load balancers that say for whom they speak: PROXY protocol v2, from the addresses in `listen.proxies`."""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Capability, Served

if TYPE_CHECKING:
    from parlour_server.core.config.server_settings import Settings


def _served() -> Served:
    from parlour_server.capabilities.proxy_protocol.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _before_tls(settings: "Settings", address: str) -> bytes:
    from parlour_server.capabilities.proxy_protocol.balancers import Balancers  # noqa: PLC0415 - not for `--help`
    from parlour_server.capabilities.proxy_protocol.header import LOCAL_HEADER  # noqa: PLC0415

    return LOCAL_HEADER if Balancers(settings.listen.proxies).reader_for(address) else b""


CAPABILITY: Final = Capability(
    name="proxy_protocol", served=_served, serves=("listen.proxies",), before_tls=_before_tls
)
