# ruff: noqa: D102 - an interface: a method whose name and types say all of it needs no sentence
"""The delivery service as the encryption uses it, as one protocol.

``DeliveryClient`` implements it over HTTPS; tests implement it in memory, honest or hostile. Every method
raises ParlourClientError, and ``StaleEpochError`` if another commit came first. Results are decoded, but not
trusted.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    ClaimedKeyPackages,
    ClaimKeyPackages,
    Commit,
    Contest,
    CreateGroup,
    DeviceInfo,
    DeviceList,
    EventStored,
    FileStored,
    GroupState,
    KeyLogPage,
    KeyPackages,
    RegisterDevice,
    RevokeDevice,
    Welcomes,
)
from parlour_protocol.ids import FileId, RoomId, WelcomeId
from parlour_protocol.kit.ids import DeviceId, SessionId


class Directory(Protocol):
    """One session's view of the server. Each method raises ParlourClientError."""

    async def session_id(self) -> SessionId:
        """Return the public handle of this session, to which a device's proof is bound."""
        ...

    async def publish_account_key(self, body: AccountKey) -> None:
        """Publish the account's key; with the password, replace it."""
        ...

    async def register_device(self, body: RegisterDevice) -> DeviceInfo:
        """Bind this session to a device."""
        ...

    async def devices(self) -> DeviceList:
        """List the account's devices that the server knows."""
        ...

    async def certify(self, device: DeviceId, body: CertifyDevice) -> None:
        """Approve a device."""
        ...

    async def revoke(self, device: DeviceId, body: RevokeDevice) -> None:
        """Revoke a device."""
        ...

    async def put_packages(self, device: DeviceId, body: KeyPackages) -> None:
        """Publish key packages of this session's device."""
        ...

    async def key_log(self, after: int) -> KeyLogPage:
        """Return entries ``after`` + 1 and on, and the signed head of the whole log."""
        ...


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
