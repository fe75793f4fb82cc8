"""Reads again what the operator changed by a command, such as the limits of an account.

The journal says that something changed, on every server within half a second. What could not be read is tried
again until it was; until then the previous state counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.errors import SetupError, UnavailableError
from parlour_server.core.store.records import Changed

_RETRY_SECONDS: Final = 0.25


class OperatorChanges:
    """Follows the kit's own entries of the journal; all others are passed on."""

    def __init__(
        self, read: Mapping[str, Callable[[], Awaitable[None]]], others: Callable[[object], None]
    ) -> None:
        """``read`` has for each kind of change what reads it again."""
        self._read = read
        self._others = others
        self._due: set[str] = set()
        self._woken = asyncio.Event()

    def journal(self, entry: object) -> None:
        """Handle an entry of the journal."""
        if isinstance(entry, Changed):
            if entry.what in self._read:  # a newer server on the same database may change something else
                self._due.add(entry.what)
                self._woken.set()
        else:
            self._others(entry)

    async def read_all(self) -> None:
        """Read everything, at the start. Raises SetupError."""
        try:
            for read in self._read.values():
                await read()
        except UnavailableError as error:
            raise SetupError(str(error)) from error

    async def run(self) -> None:
        """Read what changed, one after the other, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._due:
                await self._read_again(self._due.pop())

    async def _read_again(self, changed: str) -> None:
        with ErrorBoundary(f"reading {changed} again"):
            try:
                await self._read[changed]()
            except UnavailableError:
                self._due.add(changed)
                await asyncio.sleep(_RETRY_SECONDS)
