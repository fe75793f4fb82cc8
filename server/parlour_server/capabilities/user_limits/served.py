"""Limits of single accounts in a server: the core's ``AccountLimits`` have them."""

from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.user_limits.store import CHANGED, UserLimits


async def _start(parts: Parts[Any, Any]) -> None:
    limits = UserLimits(parts.store)

    async def read() -> None:
        parts.quotas.accounts.replace(await limits.all())

    parts.hooks.read_again[CHANGED] = read


SERVED: Final = Served(start=_start)
