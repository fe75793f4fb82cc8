"""The endpoints that are about the server itself. They need no session and tell nothing of anybody."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from parlour_server.api.openapi import document
from parlour_server.api.problems import HEADERS, nothing
from parlour_server.store.interface import Store


@dataclass(frozen=True, slots=True)
class ServiceEndpoints:
    """Whether it runs, and what it does."""

    store: Store

    async def is_alive(self, _request: Request) -> Response:
        """Answer 204."""
        return nothing()

    async def is_ready(self, _request: Request) -> Response:
        """Answer 204 when the store can be written."""
        await self.store.check()
        return nothing()

    async def describe(self, _request: Request) -> Response:
        """Return the OpenAPI document."""
        return Response(document(), headers=HEADERS, media_type="application/json")
