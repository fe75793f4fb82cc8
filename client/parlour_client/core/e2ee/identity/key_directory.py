"""What identity needs from the server: accounts' keys, devices, key packages and the key log.

It is a part of ``delivery.Delivery``; tests implement only this part, honest or hostile. Results are decoded,
but not trusted.
"""

from typing import Protocol

from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    DeviceInfo,
    DeviceList,
    KeyLogPage,
    KeyPackages,
    RegisterDevice,
    RevokeDevice,
)
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
