"""Health checks. They need no session and reveal nothing about anyone."""

import asyncio
import math
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import nothing
from parlour_server.core.kit_store import KitStore
from parlour_server.core.live_nodes import Nodes

FRESH_SECONDS: Final = 5.0
_PATIENCE: Final = 10.0


class Readiness:
    """Whether to send people here: not while the store can't be used, nor before the server stops.

    Nor once stored data was found damaged, until a restart: the row that is tried may be intact.

    The store is tried at most once in ``FRESH_SECONDS``: by a write, or by a read if servers share it, which
    all renew their leases in it anyway.
    """

    def __init__(self, store: KitStore, clock: Clock, nodes: Nodes) -> None:
        self._store = store
        self._clock = clock
        self._nodes = nodes
        self._trying = asyncio.Lock()
        self._tried = -math.inf
        self._is_ready = False
        self.is_draining = False
        """The server is about to stop."""

    async def require(self) -> None:
        """Raise UnavailableError if people should go elsewhere."""
        if self.is_draining:
            raise UnavailableError("the server is stopping")
        if self._nodes.is_stale:
            raise UnavailableError("the database does not answer")
        if self._store.is_damaged:
            raise UnavailableError("the database is damaged")
        async with self._trying:
            if self._clock.monotonic() - self._tried >= FRESH_SECONDS:
                self._is_ready = await self._try()
                self._tried = self._clock.monotonic()
        if not self._is_ready:
            raise UnavailableError("the store cannot be used")

    async def _try(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                if self._store.is_shared:
                    await self._store.journal.head()
                else:
                    await self._store.check()
        except (UnavailableError, TimeoutError):
            return False
        return True


class HealthEndpoints:
    """Liveness and readiness."""

    def __init__(self, readiness: Readiness) -> None:
        self.readiness: Final = readiness

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {"is_alive": self.is_alive, "is_ready": self.is_ready}

    async def is_alive(self, _request: Request) -> Response:
        """Answer 204."""
        return nothing()

    async def is_ready(self, _request: Request) -> Response:
        """Answer 204 if the store could be used in the last few seconds, and the server is not stopping."""
        await self.readiness.require()
        return nothing()
