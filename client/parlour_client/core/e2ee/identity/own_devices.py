"""The devices of our own account: listed, approved by the code that they show, and revoked.

The server's claims about a device are not trusted: its id is computed from its key, and it is active only if
the key log has our certificate for it. A server cannot slip in a device of its own, since the code that the
person types identifies one key.
"""

from collections.abc import Sequence

from parlour_client.core.archive import Archive, key_log_copy, own_keys
from parlour_client.core.e2ee.identity import key_trust
from parlour_client.core.e2ee.identity.enrolment import Enrolment
from parlour_client.core.e2ee.identity.identity_errors import NoAccountKeyError, OwnKeyChangedError
from parlour_client.core.e2ee.identity.key_directory import Directory
from parlour_client.core.e2ee.identity.key_log import KeyLog
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.identity.own_identity import OwnIdentity
from parlour_client.core.e2ee.status import OwnDevice
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.delivery import CertifyDevice, DeviceInfo, DeviceStatus, RevokeDevice
from parlour_protocol.frames.opaque import CertificateBytes
from parlour_protocol.identity import device_id_of, pairing_code
from parlour_protocol.kit.ids import DeviceId


class OwnDevices:
    """The account's devices, from the perspective of this one."""

    def __init__(
        self,
        archive: Archive,
        directory: Directory,
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
        live = await self._archive.write(key_trust.live_devices, identity.user, self._clock.now())
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
