"""Bans in a server: it refuses banned addresses, and closes their connections."""

from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.address_bans.in_memory import BannedAddresses
from parlour_server.capabilities.address_bans.store import CHANGED, AddressBans


async def _start(parts: Parts[Any, Any]) -> None:
    bans, banned = AddressBans(parts.store, parts.steady), BannedAddresses(parts.steady)

    async def read() -> None:
        banned.replace(await bans.all())
        parts.hooks.close_refused()

    parts.hooks.refused.append(banned.__contains__)
    parts.hooks.read_again[CHANGED] = read


SERVED: Final = Served(start=_start)
