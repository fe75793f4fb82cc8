"""Pages in browsers as clients, for an exact list of Origins: `listen.origins`, which is empty by default."""

from typing import Final

from parlour_server.app.capability import Capability, Served


def _served() -> Served:
    from parlour_server.capabilities.browser_pages.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


CAPABILITY: Final = Capability(name="browser_pages", served=_served, serves=("listen.origins",))
