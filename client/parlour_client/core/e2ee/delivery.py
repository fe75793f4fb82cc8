# ruff: noqa: D102 - an interface: a method whose name and types say all of it needs no sentence
"""What the parts of encryption ask of the delivery service, as one protocol.

``DeliveryClient`` implements it over HTTPS; tests implement it in memory, honest or hostile. Every method
raises ParlourClientError, ``StaleEpochError`` where another commit came first; what it returns is decoded,
not believed.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from parlour_protocol.delivery import (
    AccountKey,
    Certify,
    Claim,
    Claimed,
    Commit,
    Contest,
    DeviceInfo,
    DeviceList,
    FileStored,
    Found,
    GroupState,
    KeyLogPage,
    KeyPackages,
    Logged,
    RegisterDevice,
    Revoke,
    Welcomes,
)
from parlour_protocol.ids import DeviceId, FileId, RoomId, SessionId, WelcomeId


class Delivery(Protocol):
    """The delivery service, for one session."""

    async def session_id(self) -> SessionId:
        """Return the public handle of this session, which a device's proof is bound to."""
        ...

    # the account's key and devices
    async def publish_account_key(self, body: AccountKey) -> None: ...
    async def register(self, body: RegisterDevice) -> DeviceInfo: ...
    async def devices(self) -> DeviceList: ...
    async def certify(self, device: DeviceId, body: Certify) -> None: ...
    async def revoke(self, device: DeviceId, body: Revoke) -> None: ...

    # key packages and the key log
    async def put_packages(self, device: DeviceId, body: KeyPackages) -> None: ...
    async def claim(self, body: Claim) -> Claimed: ...
    async def key_log(self, after: int) -> KeyLogPage: ...

    # groups
    async def group(self, room: RoomId) -> GroupState: ...
    async def found(self, room: RoomId, body: Found) -> Logged: ...
    async def commit(self, room: RoomId, body: Commit) -> Logged: ...
    async def contest(self, room: RoomId, body: Contest) -> Logged: ...
    async def welcomes(self, device: DeviceId) -> Welcomes: ...
    async def drop_welcome(self, welcome: WelcomeId) -> None: ...

    # files
    async def upload(self, room: RoomId, chunks: AsyncIterator[bytes], size: int) -> FileStored:
        """Store a file of exactly ``size`` bytes."""
        ...

    def download(self, room: RoomId, file: FileId) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a file: its bytes as they come, as many as the server sends: the caller counts."""
        ...

    async def close(self) -> None: ...
