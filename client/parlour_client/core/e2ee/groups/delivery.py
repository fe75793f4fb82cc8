# ruff: noqa: D102 - an interface: a method whose name and types say all of it needs no sentence
"""The delivery service as the encryption uses it, as one protocol.

``DeliveryClient`` implements it over HTTPS; tests implement it in memory, honest or hostile. Every method
raises ParlourClientError, and ``StaleEpochError`` if another commit came first. Results are decoded, but not
trusted.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from parlour_client.core.e2ee.identity.key_directory import Directory
from parlour_protocol.delivery import (
    ClaimedKeyPackages,
    ClaimKeyPackages,
    Commit,
    Contest,
    CreateGroup,
    EventStored,
    FileStored,
    GroupState,
    Welcomes,
)
from parlour_protocol.ids import FileId, RoomId, WelcomeId
from parlour_protocol.kit.ids import DeviceId


class Delivery(Directory, Protocol):
    """The delivery service, for one session."""

    # key packages of others, and groups
    async def claim(self, body: ClaimKeyPackages) -> ClaimedKeyPackages: ...
    async def group(self, room: RoomId) -> GroupState: ...
    async def create_group(self, room: RoomId, body: CreateGroup) -> EventStored: ...
    async def commit(self, room: RoomId, body: Commit) -> EventStored: ...
    async def contest(self, room: RoomId, body: Contest) -> EventStored: ...
    async def welcomes(self, device: DeviceId) -> Welcomes: ...
    async def drop_welcome(self, welcome: WelcomeId) -> None: ...

    # files
    async def upload(self, room: RoomId, chunks: AsyncIterator[bytes], size: int) -> FileStored:
        """Store a file of exactly ``size`` bytes."""
        ...

    def download(self, file: FileId) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a file: its bytes as they arrive, as many as the server sends: the caller counts."""
        ...

    async def close(self) -> None: ...
