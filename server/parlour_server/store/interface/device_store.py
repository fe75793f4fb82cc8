"""Interfaces for devices with keys, the key log and the MLS groups of rooms."""

from collections.abc import Sequence
from typing import Protocol

from parlour_protocol.delivery import GroupState, WaitingWelcome
from parlour_protocol.frames.opaque import LogEntryBytes, PublicKey
from parlour_protocol.identity import Head
from parlour_protocol.ids import RoomId, WelcomeId
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomSuite
from parlour_server.kit.store.accounts.authority import ByProof, BySession
from parlour_server.store.types import (
    CertificateRecord,
    ClaimRecord,
    DeviceChange,
    DeviceRecord,
    NewDevice,
    NewEntry,
    NewPackages,
)


class Devices(Protocol):
    """Account keys, the devices that they certify, and the devices' key packages.

    Callers check signatures. Certificates and revocations are added to the key log in the same transaction,
    and only if their account key is the current one: else RefusedError(CONFLICT). What is said of ``by`` in
    ``kit/store/kit_store.py`` holds here, too.
    """

    async def account_key(self, user: UserName) -> PublicKey | None:
        """Return the current key, None if none was published."""
        ...

    async def publish_account_key(
        self, by: BySession | ByProof, key: PublicKey, entry: NewEntry, *, replaces: PublicKey | None
    ) -> DeviceChange:
        """Set the account's key; the same key again changes nothing.

        Raises RefusedError(CONFLICT) if ``replaces`` is not the current key (None: there is none), and
        PasswordNeededError if there is one and nothing was proved. Replacing revokes the devices that were
        certified, and ends their sessions but the one that asks, which speaks for no device from then on.
        """
        ...

    async def register(
        self,
        by: BySession,
        device: NewDevice,
        certificate: CertificateRecord | None = None,
        entry: NewEntry | None = None,
    ) -> DeviceRecord:
        """Bind a session of this account to a device, which is created if it is new.

        With ``certificate`` (and then ``entry``) it is active at once, unless it is so already. Raises
        RefusedError: FORBIDDEN (the device was revoked), CONFLICT (the session speaks for another device),
        LIMIT_REACHED (DEVICES_PER_USER).
        """
        ...

    async def list(self, user: UserName, now: Millis) -> Sequence[DeviceRecord]:
        """Return the account's devices, revoked ones too, oldest first."""
        ...

    async def find(self, device: DeviceId, now: Millis) -> DeviceRecord | None:
        """Return one device."""
        ...

    async def of_session(self, session: SessionId, now: Millis) -> DeviceRecord | None:
        """Return the device that the session speaks for, unless it was revoked."""
        ...

    async def certify(
        self, by: BySession, device: DeviceId, certificate: CertificateRecord, entry: NewEntry
    ) -> DeviceRecord:
        """Make a device of this account active, or give it a newer certificate.

        The same certificate again changes nothing. Raises RefusedError(NOT_FOUND, FORBIDDEN: revoked).
        """
        ...

    async def revoke(
        self, by: BySession, device: DeviceId, account_key: PublicKey, entry: NewEntry
    ) -> DeviceChange:
        """Revoke a device of this account permanently: its sessions, packages and Welcomes are deleted.

        It must be removed from its groups. Raises RefusedError(NOT_FOUND).
        """
        ...

    async def put_packages(self, by: BySession, new: NewPackages) -> bool:
        """Add to the key packages of the session's device, or (``replace``) replace them.

        True: it had none, so that members can add it to their rooms from now on (journal: DevicesChanged).

        A package that it uploaded before, used or not, is ignored. Raises NoDeviceError if the session does
        not speak for the device (any more).
        """
        ...

    async def claim(
        self,
        by: BySession,
        room: RoomId,
        devices: Sequence[DeviceId],
        suite: RoomSuite = RoomSuite.X25519,
    ) -> Sequence[ClaimRecord]:
        """Return one key package of that suite for each of the devices, to add them to the room's group.

        Of any number of callers, at any number of servers, one gets each single-use package. Devices that
        have none, do not belong in the group, or are in it, are left out. Raises RefusedError(NOT_FOUND) when
        the person is not in the room, or it is not encrypted, NoDeviceError for a session without a device.
        """
        ...


class KeyLog(Protocol):
    """The append-only log of account keys, certificates and revocations. ``Devices`` writes these."""

    async def publish_policy(self, at: Millis, policy: bytes, start: Head, *, is_empty: bool) -> bool:
        """Append the operator's policy for inspection, unless the newest one is the same.

        ``start`` is the head of the empty log. An empty policy only follows another one. Returns whether it
        was appended.
        """
        ...

    async def head(self) -> Head | None:
        """Return the head of the whole log, None while it is empty."""
        ...

    async def page(self, *, after: int, limit: int) -> tuple[Sequence[LogEntryBytes], Head | None]:
        """Return the entries after number ``after``, and the matching head of the whole log."""
        ...


class Groups(Protocol):
    """The MLS groups of encrypted rooms, as a server sees them. ``Log.append`` changes them."""

    async def state(self, room: RoomId, user: UserName, now: Millis) -> GroupState | None:
        """Return the state of the room's group; None if the user is not in it, or it is not encrypted."""
        ...

    async def rooms_of(self, user: UserName) -> Sequence[RoomId]:
        """Return the encrypted rooms where the user is a member or has devices in the group."""
        ...

    async def welcomes(self, device: DeviceId, *, max_bytes: int) -> tuple[Sequence[WaitingWelcome], bool]:
        """Return the device's oldest Welcomes and whether there are more.

        At most ``max_bytes`` of Welcomes and trees, but at least one Welcome.
        """
        ...

    async def drop_welcome(self, by: BySession, welcome: WelcomeId) -> bool:
        """Delete a pending Welcome of the session's device; False if there is none. Raises NoDeviceError."""
        ...
