"""Publishes account keys, and registers, certifies and revokes devices; checks every proof.

The server cannot certify a device itself: it checks signatures against the current account key and writes
them to the key log, which everyone can read. A stolen session cannot use a device without its key, or replace
the account key without the password (P7).
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from msgspec.structs import replace

from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    DeviceInfo,
    DeviceList,
    RegisterDevice,
    RevokeDevice,
)
from parlour_protocol.frames.opaque import CertificateBytes, LogEntryBytes, PublicKey
from parlour_protocol.identity import (
    AccountEntry,
    Certificate,
    DeviceEntry,
    Entry,
    Revocation,
    RevocationEntry,
    StatementError,
    account_proof,
    device_id_of,
    device_proof,
)
from parlour_protocol.identity.key_log import encode_entry
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import UserName
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.errors import PasswordNeededError
from parlour_server.chat.delivery.records import (
    CertificateRecord,
    DeviceChange,
    NewDevice,
)
from parlour_server.chat.delivery.tables.devices import Devices
from parlour_server.chat.service.notices import DeviceWaits, KeysChanged
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.audit import Audit
from parlour_server.core.bus.bus import Bus, SessionsEnded
from parlour_server.core.clock import Clock
from parlour_server.core.signatures import holds
from parlour_server.core.store.records import SessionRecord

_SKEW: Final = 3_600_000
"""Milliseconds by which a device's clock may be ahead of the server's."""
_LONGEST: Final = 10 * 366 * 86_400_000
"""The longest validity of a certificate in milliseconds; an unlimited one would never expire."""

_Statement = TypeVar("_Statement", Certificate, Revocation)


@dataclass(frozen=True, slots=True)
class DeviceRegistry:
    """The devices of all accounts. ``server`` is the name in every statement."""

    store: Devices
    reauthentication: Reauthentication
    bus: Bus
    clock: Clock
    audit: Audit
    budgets: DeliveryBudgets
    server: str

    async def set_account_key(self, session: SessionRecord, body: AccountKey, *, address: str) -> None:
        """Publish the account's key, or replace it, for a password and a proof if the account needs one.

        Raises StatementError, PasswordNeededError, ProofNeededError, LoginRefusedError, RefusedError,
        TooManyAttemptsError.
        """
        user = session.user
        self.budgets.end(session.id)
        if not holds(body.key, account_proof(user, self.server), body.proof):
            raise self._refused(session, "the proof of the account key is invalid")
        before = await self.store.account_key(user)
        if before == body.key:
            return
        entry = _entry(AccountEntry(self.clock.now(), user, bytes(body.key)))
        if before is None:
            by = BySession(user, session.id)
            change = await self.store.publish_account_key(by, body.key, entry, replaces=None)
        elif body.password is None:
            raise PasswordNeededError
        else:
            async with self.reauthentication.confirmed(
                session, body.password, body.factor, address=address
            ) as proven:
                change = await self.store.publish_account_key(proven, body.key, entry, replaces=before)
        self.audit.record(
            DeliveryEvent.ACCOUNT_KEY_SET, user=user, replaced=before is not None, address=address
        )
        self._publish(user, change)

    async def register(self, session: SessionRecord, body: RegisterDevice) -> DeviceInfo:
        """Bind the session to the device whose key it holds. Raises StatementError, RefusedError."""
        user, now = session.user, self.clock.now()
        self.budgets.change(user)
        if not holds(body.key, device_proof(self.server, session.id), body.proof):
            raise self._refused(session, "the proof of the device's key is invalid for this session")
        device = device_id_of(user, self.server, body.key)
        certificate = entry = None
        if body.certificate is not None:
            certificate = await self._certificate(session, device, body.certificate)
            entry = _entry(DeviceEntry(now, bytes(body.certificate)))
        new = NewDevice(device, user, body.key, session.device, now)
        before = await self.store.find(device, now)
        record = await self.store.register(BySession(user, session.id), new, certificate, entry)
        self.audit.record(
            DeliveryEvent.DEVICE_REGISTERED,
            user=user,
            device=device,
            session=session.id,
            status=record.status.value,
        )
        # Clients register at each login, but only the first one is recorded.
        if record.certificate != (before.certificate if before else None):
            self.bus.publish(KeysChanged(user))
        elif before is None:
            self.bus.publish(DeviceWaits(user))
        return replace(record.info, current=True)

    async def list(self, session: SessionRecord) -> DeviceList:
        """Return the account's devices, revoked ones too."""
        records = await self.store.list(session.user, self.clock.now())
        devices = (replace(record.info, current=record.id == session.device_id) for record in records)
        return DeviceList(tuple(devices), await self.store.account_key(session.user))

    async def certify(self, session: SessionRecord, device: DeviceId, body: CertifyDevice) -> None:
        """Approve a device of the account, from any of its sessions: only the signature counts.

        Raises StatementError, RefusedError.
        """
        self.budgets.change(session.user)
        certificate = await self._certificate(session, device, body.certificate)
        entry = _entry(DeviceEntry(self.clock.now(), bytes(body.certificate)))
        await self.store.certify(BySession(session.user, session.id), device, certificate, entry)
        self.audit.record(
            DeliveryEvent.DEVICE_CERTIFIED, user=session.user, device=device, session=session.id
        )
        self.bus.publish(KeysChanged(session.user))

    async def revoke(self, session: SessionRecord, device: DeviceId, body: RevokeDevice) -> None:
        """Revoke a device of the account permanently; its sessions and sockets end (S1).

        Raises StatementError, RefusedError.
        """
        self.budgets.end(session.id)
        statement = self._read(session, Revocation, body.revocation)
        key = await self._fits(session, statement, device)
        if statement.at > self.clock.now() + _SKEW:
            raise self._refused(session, "the revocation is dated in the future: check the device's clock")
        entry = _entry(RevocationEntry(self.clock.now(), bytes(body.revocation)))
        change = await self.store.revoke(BySession(session.user, session.id), device, key, entry)
        self.audit.record(DeliveryEvent.DEVICE_REVOKED, user=session.user, device=device, session=session.id)
        self._publish(session.user, change)

    async def _certificate(
        self, session: SessionRecord, device: DeviceId, data: CertificateBytes
    ) -> CertificateRecord:
        """Check a certificate of the account for this device. Raises StatementError."""
        statement = self._read(session, Certificate, data)
        key = await self._fits(session, statement, device)
        now = self.clock.now()
        if statement.created > now + _SKEW:
            raise self._refused(session, "the certificate starts in the future: check the device's clock")
        if not now < statement.expires <= now + _LONGEST or statement.expires <= statement.created:
            raise self._refused(session, "the certificate has expired, or would be valid for too long")
        return CertificateRecord(data, key, statement.expires)

    def _read(self, session: SessionRecord, kind: type[_Statement], data: CertificateBytes) -> _Statement:
        try:
            return kind.read(bytes(data), holds)
        except StatementError as error:
            raise self._refused(session, str(error)) from error

    async def _fits(
        self, session: SessionRecord, statement: Certificate | Revocation, device: DeviceId
    ) -> PublicKey:
        """Check that a signed statement is about this account, device and server; return the account key."""
        key = await self.store.account_key(session.user)
        if (statement.user, statement.server) != (session.user, self.server):
            raise self._refused(session, "the statement is about another account or another server")
        # A valid signature may be by *any* key; it must be by the account's current one.
        if key is None or statement.account_key != key:
            raise self._refused(session, "the statement was not signed by the current account key")
        if statement.device != device:
            raise self._refused(session, "the statement is about another device")
        return key

    def _refused(self, session: SessionRecord, why: str) -> StatementError:
        self.audit.record(DeliveryEvent.STATEMENT_REFUSED, user=session.user, session=session.id, why=why)
        return StatementError(why)

    def _publish(self, user: UserName, change: DeviceChange) -> None:
        if change.sessions:
            self.bus.publish(SessionsEnded(change.sessions))
        if change.changed:
            self.bus.publish(KeysChanged(user))


def _entry(entry: Entry) -> LogEntryBytes:
    return LogEntryBytes(encode_entry(entry))
