"""Removes expired files: not referenced by a message, with a deleted message, or of an interrupted upload.

It runs every minute, and at once when someone deletes a message or a room; several servers on one folder may
do it at the same time. It never raises; after a failure it tries again.
"""

import asyncio
from enum import StrEnum
from typing import Final

from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore
from parlour_server.chat.capabilities.file_sharing.records import FileStore
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import warn

EVERY_SECONDS: Final = 60.0
_AT_ONCE: Final = 200


class FileEvent(StrEnum):
    """The audit events of files."""

    FILE_STORED = "file_stored"
    FILES_REMOVED = "files_removed"


class FileExpiry:
    """Removes expired files."""

    def __init__(self, store: FileStore, blobs: BlobStore, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._audit = audit
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Sweep regularly, until cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self.sweep()
            except UnavailableError:
                warn("files_not_removed", consequence="expired files stay until the next attempt")
            try:
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> None:
        """Remove all expired files. Raises UnavailableError."""
        broken = await self._blobs.unfinished()
        if broken:
            # The record first: the upload is found again as long as it exists.
            await self._store.forget(broken)
            await self._blobs.discard(broken)
        removed = len(broken)
        while found := list(await self._store.expired(self._clock.now(), limit=_AT_ONCE)):
            # The bytes first: a record without bytes is found again, bytes without a record would not be.
            await self._blobs.remove(found)
            await self._store.forget(found)
            removed += len(found)
        if removed:
            self._audit.record(FileEvent.FILES_REMOVED, count=removed)

    def soon(self) -> None:
        """Sweep again at once."""
        self._wanted.set()
