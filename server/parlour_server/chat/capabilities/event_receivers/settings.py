"""The section `receivers` of the settings."""

from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from parlour_server.core.addresses import Networks
from parlour_server.core.config.server_settings import Section
from parlour_server.core.errors import SetupError


class ReceiverSettings(Section, frozen=True):
    """Servers elsewhere that get the events of unencrypted rooms."""

    servers: Annotated[
        tuple[str, ...],
        Meta(
            description="servers that events of rooms may be sent to, each as https://host or "
            "https://host:port (http only for one that is written so here); empty: none",
            extra={"reloads": True},
        ),
    ] = ()
    networks: Annotated[
        tuple[str, ...],
        Meta(
            description="addresses and networks that are not public, and that these servers may have "
            "all the same",
            extra={"reloads": True},
        ),
    ] = ()

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Return what raises SetupError for a receiver or a network that is none."""
        return {
            "servers": lambda: _refuse_wrong(self.servers),
            "networks": lambda: Networks("receivers.networks", self.networks),
        }


def _refuse_wrong(servers: tuple[str, ...]) -> None:
    from parlour_server.core.outgoing import Url  # noqa: PLC0415 - loads OpenSSL

    for text in servers:
        try:
            is_origin = Url.parse(text).origin == text
        except ValueError:
            is_origin = False
        if not is_origin:
            raise SetupError(f"{text!r} is no server; write https://host or https://host:port, in lower case")
