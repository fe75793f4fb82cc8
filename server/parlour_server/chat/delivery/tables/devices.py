"""Devices with keys: registered by a session, certified, revoked permanently.

Each change is one transaction with its entry in the key log, and is refused unless it was signed by the
current account key. A certified device is never deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from parlour_protocol.frames.opaque import LogEntryBytes, PublicKey
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomSuite
from parlour_server.chat.delivery.records import (
    CertificateRecord,
    ClaimRecord,
    DeviceChange,
    DeviceRecord,
    NewDevice,
    NewPackages,
)
from parlour_server.chat.delivery.tables.device_certification import account_key_of, certify, publish, revoke
from parlour_server.chat.delivery.tables.device_registration import register
from parlour_server.chat.delivery.tables.device_rows import DEVICE, device_record, find_device
from parlour_server.chat.delivery.tables.key_package_rows import claim_packages, put_packages
from parlour_server.core.accounts.tables.authority import ByProof, BySession, authorised
from parlour_server.core.clock import Clock
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer


@dataclass(eq=False)
class Devices:
    """Account keys, the devices that they certify, and the devices' key packages.

    Callers check signatures. Certificates and revocations are added to the key log in the same transaction,
    and only if their account key is the current one: else RefusedError(CONFLICT).
    """

    writer: Writer
    readers: Readers
    clock: Clock

    async def account_key(self, user: UserName) -> PublicKey | None:
        """Return the current key, None if none was published."""
        return await self.readers.run(partial(account_key_of, user=user))

    async def publish_account_key(
        self, by: BySession | ByProof, key: PublicKey, entry: LogEntryBytes, *, replaces: PublicKey | None
    ) -> DeviceChange:
        """Set the account's key; the same key again changes nothing.

        Raises RefusedError(CONFLICT) if ``replaces`` is not the current key (None: there is none), and
        PasswordNeededError if there is one and nothing was proved. Replacing revokes the devices that were
        certified, and ends their sessions but the one that asks, which speaks for no device from then on.
        """
        write = partial(publish, key=key, entry=entry, replaces=replaces)
        return await self.writer.submit(authorised(self.clock, by, write))

    async def register(
        self,
        by: BySession,
        device: NewDevice,
        certificate: CertificateRecord | None = None,
        entry: LogEntryBytes | None = None,
    ) -> DeviceRecord:
        """Bind a session of this account to a device, which is created if it is new.

        With ``certificate`` (and then ``entry``) it is active at once, unless it is so already. Raises
        RefusedError: FORBIDDEN (the device was revoked), CONFLICT (the session speaks for another device),
        LIMIT_REACHED (DEVICES_PER_USER).
        """
        write = partial(register, new=device, certificate=certificate, entry=entry)
        return await self.writer.submit(authorised(self.clock, by, write))

    async def list(self, user: UserName, now: Millis) -> Sequence[DeviceRecord]:
        """Return the account's devices, revoked ones too, oldest first."""
        query = DEVICE + " WHERE d.account = ?2 ORDER BY d.created, d.device"
        return await self.readers.rows(device_record, query, now, plain(user))

    async def find(self, device: DeviceId, now: Millis) -> DeviceRecord | None:
        """Return one device."""
        return await self.readers.run(partial(find_device, device=device, now=now))

    async def certify(
        self, by: BySession, device: DeviceId, certificate: CertificateRecord, entry: LogEntryBytes
    ) -> DeviceRecord:
        """Make a device of this account active, or give it a newer certificate.

        The same certificate again changes nothing. Raises RefusedError(NOT_FOUND, FORBIDDEN: revoked).
        """
        write = partial(certify, device=device, certificate=certificate, entry=entry)
        return await self.writer.submit(authorised(self.clock, by, write))

    async def revoke(
        self, by: BySession, device: DeviceId, account_key: PublicKey, entry: LogEntryBytes
    ) -> DeviceChange:
        """Revoke a device of this account permanently: its sessions, packages and Welcomes are deleted.

        It must be removed from its groups. Raises RefusedError(NOT_FOUND).
        """
        write = partial(revoke, device=device, account_key=account_key, entry=entry)
        return await self.writer.submit(authorised(self.clock, by, write))

    async def put_packages(self, by: BySession, new: NewPackages) -> bool:
        """Add to the key packages of the session's device, or (``replace``) replace them.

        True: it had none, so that members can add it to their rooms from now on (journal: DevicesChanged).

        A package that it uploaded before, used or not, is ignored. Raises NoDeviceError if the session does
        not speak for the device (any more).
        """
        write = partial(put_packages, new=new)
        return await self.writer.submit(authorised(self.clock, by, write))

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
        write = partial(claim_packages, room=room, devices=devices, suite=suite)
        return await self.writer.submit(authorised(self.clock, by, write))
