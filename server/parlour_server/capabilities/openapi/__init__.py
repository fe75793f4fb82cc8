"""The server describes its HTTPS API itself: an OpenAPI document at `/v1/openapi.json`."""

from typing import Final

from parlour_server.app.capability import Capability, Served


def _served() -> Served:
    from parlour_server.capabilities.openapi.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


CAPABILITY: Final = Capability(name="openapi", served=_served)
