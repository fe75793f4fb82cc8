"""A server that lets pages of the listed Origins read its answers."""

from functools import partial
from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.browser_pages.cross_origin import CrossOrigin


async def _start(parts: Parts[Any, Any]) -> None:
    if origins := parts.settings.listen.origins:
        parts.hooks.around_api.append(
            partial(CrossOrigin, rows=parts.operations.rows, origins=frozenset(origins))
        )


SERVED: Final = Served(start=_start)
