"""The delivery service over HTTPS: one typed call for each operation, for one account.

Answers are limited to the size of an honest one. It has no state but one open connection. A running client
has one, and each login has its own.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Final

from parlour_client.core.errors import StaleEpochError
from parlour_client.kit.errors import ApiRefusedError, ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_client.kit.transport.https import Api
from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    ClaimedKeyPackages,
    ClaimKeyPackages,
    Commit,
    Contest,
    CosignedHeads,
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
from parlour_protocol.errors import ErrorCode
from parlour_protocol.ids import FileId, RoomId, WelcomeId
from parlour_protocol.kit.ids import DeviceId, SessionId
from parlour_protocol.kit.secret import Secret
from parlour_protocol.limits import (
    CERTIFICATE_BYTES,
    CLAIM_DEVICES,
    HTTP_COMMIT,
    KEY_LOG_PAGE,
    KEY_PACKAGE_BYTES,
)

_SPARE: Final = 64 * 1024
"""For everything in an answer but its opaque parts."""
_CLAIMED: Final = CLAIM_DEVICES.value * KEY_PACKAGE_BYTES.value * 4 // 3 + _SPARE
_KEY_LOG: Final = KEY_LOG_PAGE.value * CERTIFICATE_BYTES.value * 4 // 3 + _SPARE
_GROUP: Final = 512 * 1024
"""500 devices, each with its owner, and as many that wait to be added."""
_WELCOMES: Final = 2 * HTTP_COMMIT.value


@contextmanager
def _stale_epoch() -> Iterator[None]:
    """Raise StaleEpochError where the server refuses a commit for an epoch that is over."""
    try:
        yield
    except ApiRefusedError as error:
        if error.code != ErrorCode.STALE_EPOCH:
            raise
        words = _("The room's keys have changed in the meantime.")  # the server's are for programmers
        raise StaleEpochError(words, error.code, retry_after=error.retry_after) from error


class DeliveryClient:
    """Calls the delivery service with the session that the account has at that time."""

    def __init__(self, api: Api, session: Callable[[], Secret]) -> None:
        self._api = api
        self._current = session

    @property
    def _session(self) -> Secret:
        return self._current()

    async def close(self) -> None:
        """Close the connection."""
        await self._api.close()

    async def session_id(self) -> SessionId:
        """Return the public handle of this session."""
        for session in await self._api.sessions(self._session):
            if session.current:
                return session.id
        raise ServerMisbehavedError(_("The server does not list this session."))

    async def publish_account_key(self, body: AccountKey) -> None:
        """Publish the account's key, or replace it."""
        await self._api.succeed("POST", "/v1/identity", self._session, body)

    async def register_device(self, body: RegisterDevice) -> DeviceInfo:
        """Bind this session to a device."""
        return await self._api.call("POST", "/v1/devices", DeviceInfo, bearer=self._session, body=body)

    async def devices(self) -> DeviceList:
        """List the account's devices."""
        return await self._api.call("GET", "/v1/devices", DeviceList, bearer=self._session)

    async def certify(self, device: DeviceId, body: CertifyDevice) -> None:
        """Approve a device of the account."""
        await self._api.succeed("POST", f"/v1/devices/{device}/certificate", self._session, body)

    async def revoke(self, device: DeviceId, body: RevokeDevice) -> None:
        """Revoke a device of the account."""
        await self._api.succeed("POST", f"/v1/devices/{device}/revocation", self._session, body)

    async def put_packages(self, device: DeviceId, body: KeyPackages) -> None:
        """Upload key packages."""
        await self._api.succeed("PUT", f"/v1/devices/{device}/key-packages", self._session, body)

    async def claim(self, body: ClaimKeyPackages) -> ClaimedKeyPackages:
        """Take one key package of each device."""
        return await self._api.call(
            "POST",
            "/v1/key-packages/claims",
            ClaimedKeyPackages,
            bearer=self._session,
            body=body,
            limit=_CLAIMED,
        )

    async def key_log(self, after: int) -> KeyLogPage:
        """Read the key log after entry ``after``."""
        path = f"/v1/key-log?after={after}"
        return await self._api.call("GET", path, KeyLogPage, bearer=self._session, limit=_KEY_LOG)

    async def cosignatures(self) -> CosignedHeads:
        """Read the newest cosignature of each witness of the key log."""
        return await self._api.call("GET", "/v1/key-log/cosignatures", CosignedHeads, bearer=self._session)

    async def group(self, room: RoomId) -> GroupState:
        """Return the state of a room's group."""
        path = f"/v1/rooms/{room}/group"
        return await self._api.call("GET", path, GroupState, bearer=self._session, limit=_GROUP)

    async def create_group(self, room: RoomId, body: CreateGroup) -> EventStored:
        """Create a room's group. Raises StaleEpochError."""
        with _stale_epoch():
            return await self._api.call(
                "POST", f"/v1/rooms/{room}/group", EventStored, bearer=self._session, body=body
            )

    async def commit(self, room: RoomId, body: Commit) -> EventStored:
        """Move a group to its next epoch. Raises StaleEpochError."""
        with _stale_epoch():
            return await self._api.call(
                "POST", f"/v1/rooms/{room}/commits", EventStored, bearer=self._session, body=body
            )

    async def contest(self, room: RoomId, body: Contest) -> EventStored:
        """Report a commit that cannot be processed. Raises StaleEpochError."""
        with _stale_epoch():
            return await self._api.call(
                "POST", f"/v1/rooms/{room}/contests", EventStored, bearer=self._session, body=body
            )

    async def welcomes(self, device: DeviceId) -> Welcomes:
        """Read the oldest Welcomes of this device."""
        path = f"/v1/devices/{device}/welcomes"
        return await self._api.call("GET", path, Welcomes, bearer=self._session, limit=_WELCOMES)

    async def drop_welcome(self, welcome: WelcomeId) -> None:
        """Delete a Welcome that was used or is of no use."""
        await self._api.succeed("DELETE", f"/v1/welcomes/{welcome}", self._session)

    async def upload(self, room: RoomId, chunks: AsyncIterator[bytes], size: int) -> FileStored:
        """Store a file of exactly ``size`` bytes."""
        path = f"/v1/rooms/{room}/files"
        return await self._api.call("POST", path, FileStored, bearer=self._session, body=chunks, size=size)

    def download(self, file: FileId) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a file."""
        return self._api.download(f"/v1/files/{file}", self._session)
