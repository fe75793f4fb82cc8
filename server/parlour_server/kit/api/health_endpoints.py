"""Health checks and the OpenAPI document. They need no session and reveal nothing about anyone."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from parlour_server.kit.api.operations import Handler
from parlour_server.kit.api.problems import HEADERS, nothing
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import UnavailableError
from parlour_server.kit.store.interface import KitStore

FRESH_SECONDS: Final = 5.0


class Readiness:
    """Whether the store can be written to; tested at most once in ``FRESH_SECONDS``."""

    def __init__(self, store: KitStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._trying = asyncio.Lock()
        self._tried = -math.inf
        self._is_ready = False

    async def require(self) -> None:
        """Raise UnavailableError if the last test failed."""
        async with self._trying:
            if self._clock.monotonic() - self._tried >= FRESH_SECONDS:
                self._is_ready = await self._try()
                self._tried = self._clock.monotonic()
        if not self._is_ready:
            raise UnavailableError("the store cannot be written")

    async def _try(self) -> bool:
        try:
            await self._store.check()
        except UnavailableError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class HealthEndpoints:
    """Liveness, readiness and the API description."""

    readiness: Readiness
    document: bytes

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {"is_alive": self.is_alive, "is_ready": self.is_ready, "describe": self.describe}

    async def is_alive(self, _request: Request) -> Response:
        """Answer 204."""
        return nothing()

    async def is_ready(self, _request: Request) -> Response:
        """Answer 204 if the store could be written to in the last few seconds."""
        await self.readiness.require()
        return nothing()

    async def describe(self, _request: Request) -> Response:
        """Return the OpenAPI document."""
        return Response(self.document, headers=HEADERS, media_type="application/json")
