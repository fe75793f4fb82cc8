"""From a login to a device that others can encrypt for, and the account's other devices.

The first device of an account makes the account key by itself and certifies itself. Any other one is pending
until it is approved by a device that has the account key, or with the recovery words. A revoked device comes
back as a new one. The server's claims about a device are not trusted: its id is computed from its key, and it
is active only if the key log has our certificate for it. A server cannot slip in a device of its own, since
the code that the person types identifies one key.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import apsw

from parlour_client.core.archive import Archive, key_log_copy, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import DevicePendingError, NoAccountKeyError, OwnKeyChangedError
from parlour_client.core.e2ee.identity import key_packages, own_device, pins
from parlour_client.core.e2ee.identity.key_log import KeyLog, LogEntry, read_entries, server_of
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.values import OwnDevice
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import Clock, SystemClock
from parlour_client.kit.errors import ApiRefusedError, ServerMisbehavedError, SetupError
from parlour_client.kit.language import _
from parlour_protocol import delivery
from parlour_protocol.delivery import CertifyDevice, DeviceInfo, DeviceStatus, RegisterDevice, RevokeDevice
from parlour_protocol.frames.opaque import CertificateBytes, PublicKey, Signature
from parlour_protocol.identity import (
    AccountEntry,
    Certificate,
    Head,
    Revocation,
    RevocationEntry,
    device_id_of,
    pairing_code,
)
from parlour_protocol.identity.key_log import decode_entry
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomSuite


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The state of this device after a login."""

    device: DeviceId
    status: DeviceStatus
    device_changed: bool
    """It has a new key: its groups under the old one are useless."""


class Enrolment:
    """This home's device at one server."""

    def __init__(
        self,
        archive: Archive,
        user: UserName,
        name: DeviceName,
        directory: DeliveryClient,
        key_log: KeyLog,
        clock: Clock,
    ) -> None:
        self._archive = archive
        self._user = user
        self._name = name
        self._directory = directory
        self._key_log = key_log
        self._clock = clock
        self._packages = asyncio.Lock()

    async def sign_in(self) -> SignedIn:
        """Bind this session to the device, and bring everything up to date. Raises OwnKeyChangedError."""
        before = await self._archive.write(own_device.load)
        await self._key_log.sync()
        server = await self._archive.write(server_of)
        await self._archive.write_durably(own_device.ensure_device, self._user, server)
        await self._publish_account(server)
        await self._archive.write_durably(own_device.pin_account, self._user, self._clock.now())
        await self.register()
        await self._publish_again()
        identity = await self.identity()
        await self.refresh_packages()
        changed = before is not None and before.device.id != identity.device.id
        return SignedIn(identity.device.id, identity.status, changed)

    async def identity(self) -> OwnIdentity:
        """Return this device's identity. Raises DevicePendingError before the first login."""
        found = await self._archive.write(own_device.load)
        if found is None:
            raise DevicePendingError(_("This device has no keys yet."), _("Connect to the server once."))
        return found

    async def register(self) -> None:
        """Bind the session to the device; certify it if it has the account key."""
        identity = await self.identity()
        certificate = None
        if identity.certificate is None and identity.account is not None:
            certificate = CertificateBytes(self._certificate(identity, identity.account))
        session = await self._directory.session_id()
        registered = await self._directory.register_device(
            RegisterDevice(
                key=PublicKey(identity.device.public),
                proof=Signature(identity.device.prove(session)),
                certificate=certificate,
            )
        )
        if registered.device != identity.device.id:
            raise ServerMisbehavedError(_("The server mistook this device for another one."))
        if certificate is not None:
            await self._key_log.sync()

    async def certify_self(self, account: AccountKey) -> None:
        """Approve this device with the account key, which stays here from now on."""
        await self._archive.write_durably(own_device.hold, self._user, account, self._clock.now())
        identity = await self.identity()
        if identity.certificate is None:
            certificate = CertificateBytes(self._certificate(identity, account))
            await self._directory.certify(identity.device.id, delivery.CertifyDevice(certificate=certificate))
            await self._key_log.sync()
        await self.refresh_packages()

    async def replace_account_key(self, password: Secret) -> None:
        """Publish a new account key and become its first device."""
        server = await self._archive.write(server_of)
        following = await self._archive.write_durably(own_device.next_account_key)
        try:
            await self._publish(following, server, password)
        except ApiRefusedError:
            await self._archive.write_durably(own_device.forget_next)
            raise
        await self._key_log.sync()  # the new key is in it: from now on it is ours
        await self.register()
        await self.refresh_packages()

    async def adopt(self) -> bool:
        """Adopt the account's changed key and register again under it; False: it did not change."""
        server = await self._archive.write(server_of)
        if not await self._archive.write_durably(
            own_device.adopt_account, self._user, server, self._clock.now()
        ):
            return False
        await self.register()
        return True

    async def refresh_packages(self) -> None:
        """Upload as many key packages as the server should have; none while this device is pending.

        One at a time: a caller that had to wait asks the server again, so that nothing is uploaded twice.
        """
        async with self._packages:
            identity = await self.identity()
            if identity.status is not DeviceStatus.ACTIVE:
                return
            info = await self._listed(identity.device.id)
            for suite in RoomSuite:
                there = key_packages.AtServer.of(info, suite)
                now = self._clock.now()
                made = await self._archive.write_durably(key_packages.prepare, identity, there, now, suite)
                if made is not None:
                    await self._directory.put_packages(identity.device.id, made)
                    await self._archive.write_durably(key_packages.published, suite)

    async def _publish_again(self) -> None:
        """Publish what this account signed and a restored server has lost: keys, devices and revocations.

        Refused ones are skipped: another device must publish them, or there is another key by now.
        """
        looked_at, lost = await self._archive.read(_lost)
        if not lost:
            return
        identity = await self.identity()
        for entry in lost:
            with suppress(ApiRefusedError):
                await self._say_again(identity, entry)
        await self._key_log.sync()
        done = b"%d" % (looked_at + len(lost))
        await self._archive.write_durably(own_keys.put, Name.REPUBLISHED, done)

    async def _say_again(self, identity: OwnIdentity, entry: LogEntry) -> None:
        match entry.content:
            case AccountEntry(user=user, account_key=key) if user == self._user:
                if identity.account is not None and identity.account.public == key:
                    await self._publish(identity.account, identity.server)
            case Certificate(user=user, device=device) if user == self._user:
                body = delivery.CertifyDevice(certificate=CertificateBytes(entry.certificate))
                await self._directory.certify(device, body)
            case Revocation(user=user, device=device) if user == self._user and device != identity.device.id:
                revoked = decode_entry(entry.data)
                assert isinstance(revoked, RevocationEntry)  # noqa: S101 - it was read as one
                body_of_revocation = delivery.RevokeDevice(revocation=CertificateBytes(revoked.revocation))
                await self._directory.revoke(device, body_of_revocation)
            case _:
                pass

    async def _listed(self, device: DeviceId) -> DeviceInfo:
        for info in (await self._directory.devices()).devices:
            if info.device == device:
                return info
        raise ServerMisbehavedError(_("The server no longer knows this device, although it registered it."))

    async def _publish_account(self, server: str) -> None:
        """Make and publish the account's key, if the account has none."""
        if await self._archive.write(key_log_copy.account, self._user) is not None:
            return
        if (await self.identity()).account_key is not None:
            # An honest server can't have forgotten it, and a new key would replace the old one for ever.
            raise OwnKeyChangedError(_("The server has lost your account's identity key."))
        following = await self._archive.write_durably(own_device.next_account_key)
        try:
            await self._publish(following, server)
        except ApiRefusedError:
            await self._key_log.sync()
            if await self._archive.write(key_log_copy.account, self._user) is None:
                raise
            return  # another device of ours was faster
        await self._key_log.sync()

    async def _publish(self, key: AccountKey, server: str, password: Secret | None = None) -> None:
        proof = Signature(key.prove(self._user, server))
        await self._directory.publish_account_key(
            delivery.AccountKey(key=PublicKey(key.public), proof=proof, password=password)
        )

    def _certificate(self, identity: OwnIdentity, account: AccountKey) -> bytes:
        _, data = account.certify(
            identity.user, identity.server, identity.device.public, self._name, self._clock.now()
        )
        return data


def _lost(connection: apsw.Connection) -> tuple[int, list[LogEntry]]:
    """Return how many lost entries were looked at, and the others, parsed."""
    looked_at = int(own_keys.get(connection, Name.REPUBLISHED) or b"0")
    server = server_of(connection)
    return looked_at, read_entries(server, Head.empty(server), key_log_copy.lost(connection, looked_at))


class OwnDevices:
    """The account's devices, from the perspective of this one."""

    def __init__(
        self,
        archive: Archive,
        directory: DeliveryClient,
        key_log: KeyLog,
        enrolment: Enrolment,
        clock: Clock,
    ) -> None:
        self._archive = archive
        self._directory = directory
        self._key_log = key_log
        self._enrolment = enrolment
        self._clock = clock

    async def list(self) -> Sequence[OwnDevice]:
        """Return them, this one first."""
        await self._key_log.sync()
        identity = await self._enrolment.identity()
        listed = await self._listed(identity)
        devices = [await self._shown(identity, device, info) for device, info in listed.items()]
        return sorted(devices, key=lambda one: (not one.current, one.created))

    async def approve(self, code: str) -> OwnDevice:
        """Certify the pending device that shows ``code``."""
        account = await self._account()
        identity = await self._enrolment.identity()
        device, info = await self._pending(identity, code)
        _, data = account.certify(identity.user, identity.server, info.key, info.name, self._clock.now())
        await self._archive.write_durably(own_keys.add_device, device)
        await self._directory.certify(device, CertifyDevice(certificate=CertificateBytes(data)))
        await self._key_log.sync()
        return await self._shown(identity, device, info)

    async def revoke(self, device: DeviceId) -> None:
        """Revoke a device for ever, even this one."""
        account = await self._account()
        identity = await self._enrolment.identity()
        info = (await self._listed(identity)).get(device)
        if info is None:
            raise SetupError(_("Your account has no such device."), _("Check the list of your devices."))
        data = account.revoke(identity.user, identity.server, info.key, self._clock.now())
        await self._directory.revoke(device, RevokeDevice(revocation=CertificateBytes(data)))
        if device != identity.device.id:  # revoking ourselves has ended this session
            await self._key_log.sync()

    async def _account(self) -> AccountKey:
        """Return the account key, if it is here and still the account's."""
        await self._key_log.sync()
        identity = await self._enrolment.identity()
        if identity.account is None:
            raise NoAccountKeyError(_("This device does not hold your account key."))
        logged = await self._archive.write(key_log_copy.account, identity.user)
        if logged is None or logged.key != identity.account.public:
            raise OwnKeyChangedError(_("Your account has an identity key that this device does not know."))
        return identity.account

    async def _pending(self, identity: OwnIdentity, code: str) -> tuple[DeviceId, DeviceInfo]:
        wanted = _plain(code)
        for device, info in (await self._listed(identity)).items():
            if _plain(pairing_code(device)) == wanted:
                if await self._status(identity, device) is not DeviceStatus.PENDING:
                    raise SetupError(_("This device is approved already, or was revoked."))
                return device, info
        raise SetupError(
            _("None of your devices waiting for approval shows this code."),
            _("Log in on the new device first, and type the 16 characters that it shows."),
        )

    async def _listed(self, identity: OwnIdentity) -> dict[DeviceId, DeviceInfo]:
        """Return the server's list under ids computed from the keys: it cannot swap one."""
        listed = (await self._directory.devices()).devices
        return {device_id_of(identity.user, identity.server, info.key): info for info in listed}

    async def _status(self, identity: OwnIdentity, device: DeviceId) -> DeviceStatus:
        if await self._archive.write(key_log_copy.is_revoked, device):
            return DeviceStatus.REVOKED
        live = await self._archive.write(pins.live_devices, identity.user, self._clock.now())
        return DeviceStatus.ACTIVE if device in live else DeviceStatus.PENDING

    async def _shown(self, identity: OwnIdentity, device: DeviceId, info: DeviceInfo) -> OwnDevice:
        status = await self._status(identity, device)
        if info.status is DeviceStatus.REVOKED:  # revoked by a new account key: the log has no entry for it
            status = DeviceStatus.REVOKED
        return OwnDevice(
            device=device,
            name=info.name,
            status=status,
            created=info.created,
            last_seen=info.last_seen,
            current=device == identity.device.id,
        )


def _plain(code: str) -> str:
    return "".join(character for character in code.lower() if character.isalnum())


async def enrol(archive: Archive, account: Account, delivery: DeliveryClient) -> None:
    """Bind the session to this device. Raises ParlourClientError."""
    clock = SystemClock()
    key_log = KeyLog(archive, delivery, clock, own_device.watch)
    enrolment = Enrolment(archive, account.user, account.device, delivery, key_log, clock)
    await enrolment.sign_in()
