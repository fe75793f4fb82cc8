"""This account's keys, devices and alarms, from the login on, and how far other people's keys are trusted.

The first device of an account makes the account key by itself and certifies itself. Any other one is pending
until it is approved by a device that has the account key, or with the recovery words. A revoked device comes
back as a new one. The server's claims about a device are not trusted: its id is computed from its key, and it
is active only if the key log has our certificate for it. A server cannot slip in a device of its own, since
the code that the person types identifies one key.

Frequent questions of views are answered from memory, which is updated after each change. It never sends a
message, and never reverts a pinned key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import apsw

from parlour_client.core.archive import Archive, alarms, key_log_copy, key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import (
    DevicePendingError,
    NoAccountKeyError,
    OtherServerError,
    OwnKeyChangedError,
)
from parlour_client.core.e2ee.identity import key_packages, keys, own_device, pins
from parlour_client.core.e2ee.identity.key_log import KeyLog, LogEntry, read_entries, server_of
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.inspection import ShownPolicy
from parlour_client.core.e2ee.values import Alarm, OwnDevice, OwnKeys, Trust
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ApiRefusedError, ServerMisbehavedError, SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol import delivery
from parlour_protocol.delivery import CertifyDevice, DeviceInfo, DeviceStatus, RegisterDevice, RevokeDevice
from parlour_protocol.frames.opaque import CertificateBytes, PublicKey, Signature
from parlour_protocol.identity import (
    AccountEntry,
    Certificate,
    Revocation,
    RevocationEntry,
    device_id_of,
    pairing_code,
)
from parlour_protocol.identity.key_log import decode_entry
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomSuite

_NO_KEYS: Final = N_("This device has no keys yet.")
_CONNECT: Final = N_("Connect to the server once.")


async def _no_groups() -> None:
    """Before the chat runs there are no groups to leave."""


class Identity:
    """One account at one server, as this device knows it."""

    def __init__(
        self,
        archive: Archive,
        user: UserName,
        name: DeviceName,
        directory: DeliveryClient,
        clock: Clock,
        device_replaced: Callable[[], Awaitable[None]] = _no_groups,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Work for ``user`` on a device called ``name``.

        ``device_replaced`` is awaited when a new key makes this a new device; ``changed`` is called when
        views should refresh.
        """
        self.archive = archive
        self.user = user
        self.clock = clock
        self._name = name
        self._directory = directory
        self._device_replaced = device_replaced
        self._changed = changed
        self.key_log = KeyLog(archive, directory, clock, own_device.watch)
        self._packages = asyncio.Lock()
        self.identity: OwnIdentity | None = None
        """This device's keys, as of the last update."""
        self.waiting: Sequence[OwnDevice] = ()
        """Devices of the account that wait for approval, as of the last look."""
        self._version = 0
        self._levels: dict[UserName, str] = {}
        self._alarms: Sequence[Alarm] = ()
        self._raised: Sequence[alarms.Raised] = ()
        self.policy = ShownPolicy()

    # from a login to a device that others can encrypt for
    async def sign_in(self) -> None:
        """Bind the session to this device, and bring everything up to date. Raises OwnKeyChangedError."""
        before = await self.archive.write(own_device.load)
        try:
            await self.key_log.sync()
            server = await self.archive.read(server_of)
            await self.archive.write_durably(own_device.ensure_device, self.user, server)
            await self._publish_account(server)
            await self.archive.write_durably(own_device.pin_account, self.user, self.clock.now())
            await self._register()
            await self._publish_again()
            await self.refresh_packages()
        finally:
            await self.refresh()
        if before is not None and before.device != self.own().device:
            await self._device_replaced()

    async def _register(self) -> None:
        """Bind the session to the device; certify it if it has the account key."""
        identity = await self._stored()
        certificate = None
        if identity.certificate is None and identity.account is not None:
            certificate = self._certified(identity, identity.account, identity.key.public, self._name)
        session = await self._directory.session_id()
        registered = await self._directory.register_device(
            RegisterDevice(
                key=PublicKey(identity.key.public),
                proof=Signature(identity.key.prove(session)),
                certificate=certificate,
            )
        )
        if registered.device != identity.device:
            raise ServerMisbehavedError(_("The server mistook this device for another one."))
        if certificate is not None:
            await self.key_log.sync()

    async def _publish_account(self, server: str) -> None:
        """Make and publish the account's key, if the account has none."""
        if await self.archive.read(key_log_copy.account, self.user) is not None:
            return
        if (await self._stored()).account_key is not None:
            # An honest server can't have forgotten it, and a new key would replace the old one for ever.
            raise OwnKeyChangedError(_("The server has lost your account's identity key."))
        following = await self.archive.write_durably(own_device.next_account_key)
        try:
            await self._publish(following, server)
        except ApiRefusedError:
            await self.key_log.sync()
            if await self.archive.read(key_log_copy.account, self.user) is None:
                raise
            return  # another device of ours was faster
        await self.key_log.sync()

    async def _publish(self, key: AccountKey, server: str, password: Secret | None = None) -> None:
        proof = Signature(key.prove(self.user, server))
        await self._directory.publish_account_key(
            delivery.AccountKey(key=PublicKey(key.public), proof=proof, password=password)
        )

    async def _publish_again(self) -> None:
        """Publish what this account signed and a restored server has lost: keys, devices and revocations.

        Refused ones are skipped: another device must publish them, or there is another key by now.
        """
        looked_at, lost = await self.archive.read(_lost)
        if not lost:
            return
        identity = await self._stored()
        for entry in lost:
            with suppress(ApiRefusedError):
                await self._publish_entry(identity, entry)
        await self.key_log.sync()
        done = b"%d" % (looked_at + len(lost))
        await self.archive.write_durably(own_keys.put, Name.REPUBLISHED, done)

    async def _publish_entry(self, identity: OwnIdentity, entry: LogEntry) -> None:
        match entry.content:
            case AccountEntry(user=user, account_key=key) if user == self.user:
                if identity.account is not None and identity.account.public == key:
                    await self._publish(identity.account, identity.server)
            case Certificate(user=user, device=device) if user == self.user:
                body = CertifyDevice(certificate=CertificateBytes(entry.certificate))
                await self._directory.certify(device, body)
            case Revocation(user=user, device=device) if user == self.user and device != identity.device:
                revoked = decode_entry(entry.data)
                assert isinstance(revoked, RevocationEntry)  # noqa: S101 - it was read as one
                statement = CertificateBytes(revoked.revocation)
                await self._directory.revoke(device, RevokeDevice(revocation=statement))
            case _:
                pass

    async def refresh_packages(self) -> None:
        """Upload as many key packages as the server should have; none while this device is pending.

        One upload at a time: a caller that had to wait asks the server again, so that nothing is uploaded
        twice.
        """
        async with self._packages:
            identity = await self._stored()
            if identity.status is not DeviceStatus.ACTIVE:
                return
            info = (await self._listed(identity)).get(identity.device)
            if info is None:
                raise ServerMisbehavedError(
                    _("The server no longer knows this device, although it registered it.")
                )
            for suite in RoomSuite:
                now = self.clock.now()
                made = await self.archive.write_durably(key_packages.prepare, identity, info, now, suite)
                if made is not None:
                    await self._directory.put_packages(identity.device, made)
                    await self.archive.write_durably(key_packages.published, suite)

    async def check_server(self, name: str) -> None:
        """Check the name in the server's greeting. Raises OtherServerError."""
        known = await self.archive.read(server_of)
        if known and known != name:
            raise OtherServerError(_("The server has another name than before."))

    async def catch_up(self) -> None:
        """Fetch the key log; a device that waited for its certificate publishes its key packages."""
        try:
            grown = await self.key_log.sync()
            waited = self.identity is not None and self.identity.certificate is None
            if grown and waited:
                await self.refresh_packages()
        finally:
            await self.refresh()

    # from memory
    async def refresh(self) -> None:
        """Update what is answered from memory; notify the views if anything has changed."""
        before = self._remembered()
        self.identity, self._version, self._levels, self._raised = await self.archive.read(_look)
        self._alarms = [
            Alarm(one.id, one.detail, one.at, one.kind in alarms.PERMANENT, _room_of(one))
            for one in self._raised
        ]
        if self._remembered() != before:  # else a view that asks again would loop
            self._changed()

    def _remembered(self) -> tuple[object, ...]:
        return self.identity and self.identity.facts, self._version, tuple(self._alarms)

    def own(self) -> OwnKeys:
        """Return the state of this device. Raises DevicePendingError before the first contact."""
        found = self.identity
        if found is None:
            raise DevicePendingError(_(_NO_KEYS), _CONNECT)
        return OwnKeys(
            device=found.device,
            status=found.status,
            code=found.code,
            has_account_key=found.account is not None,
            protection=self.archive.key.protection,
        )

    def trust(self, user: UserName) -> Trust:
        """Return how far a person's key is trusted."""
        level = self._levels.get(user)
        return Trust(level) if level is not None else Trust.UNKNOWN

    def alarms(self) -> Sequence[Alarm]:
        """Return the alarms that are not dismissed, oldest first."""
        return self._alarms

    def shown(self, alarms: Sequence[Alarm]) -> None:
        """Note that a view has shown these alarms: a policy for inspection among them is in force now."""
        there = {alarm.id for alarm in alarms}
        self.policy.shown(one for one in self._raised if one.id in there)

    async def dismiss(self, alarm: int) -> None:
        """Dismiss an alarm that the person has read; a permanent one stays."""
        await self.archive.write_durably(alarms.dismiss, alarm)
        await self.refresh()

    # the account's devices
    async def look_for_waiting(self) -> None:
        """Look for devices that wait for approval, if this one can approve them."""
        if self.identity is not None and self.identity.account is not None:
            await self.devices()

    async def devices(self) -> Sequence[OwnDevice]:
        """Return the account's devices, this one first."""
        await self.key_log.sync()
        identity = await self._stored()
        listed = await self._listed(identity)
        devices = [await self._shown(identity, device, info) for device, info in listed.items()]
        await self.refresh()
        self._set_waiting([one for one in devices if one.status is DeviceStatus.PENDING and not one.current])
        return sorted(devices, key=lambda one: (not one.current, one.created))

    def _set_waiting(self, waiting: Sequence[OwnDevice]) -> None:
        changed = [one.device for one in waiting] != [one.device for one in self.waiting]
        self.waiting = waiting
        if changed:
            self._changed()

    async def approve(self, code: str) -> OwnDevice:
        """Approve the pending device that shows ``code``."""
        try:
            identity, account = await self._with_account()
            device, info = await self._pending(identity, code)
            certificate = self._certified(identity, account, info.key, info.name)
            await self.archive.write_durably(own_keys.add_device, device)
            await self._directory.certify(device, CertifyDevice(certificate=certificate))
            await self.key_log.sync()
            return await self._shown(identity, device, info)
        finally:
            await self.refresh()
            await self.look_for_waiting()

    async def revoke(self, device: DeviceId) -> None:
        """Revoke a device for ever, even this one."""
        try:
            identity, account = await self._with_account()
            info = (await self._listed(identity)).get(device)
            if info is None:
                raise SetupError(_("Your account has no such device."), _("Check the list of your devices."))
            data = account.revoke(identity.user, identity.server, info.key, self.clock.now())
            await self._directory.revoke(device, RevokeDevice(revocation=CertificateBytes(data)))
            if device != identity.device:  # revoking ourselves has ended this session
                await self.key_log.sync()
        finally:
            await self.refresh()
        self._set_waiting([one for one in self.waiting if one.device != device])

    async def _stored(self) -> OwnIdentity:
        """Return this device's identity. Raises DevicePendingError before the first login."""
        found = await self.archive.write(own_device.load)
        if found is None:
            raise DevicePendingError(_(_NO_KEYS), _CONNECT)
        return found

    async def _with_account(self) -> tuple[OwnIdentity, AccountKey]:
        """Return this device with the account key, if it is here and still the account's."""
        await self.key_log.sync()
        identity = await self._stored()
        if identity.account is None:
            raise NoAccountKeyError(_("This device does not hold your account key."))
        logged = await self.archive.read(key_log_copy.account, identity.user)
        if logged is None or logged.key != identity.account.public:
            raise OwnKeyChangedError(_("Your account has an identity key that this device does not know."))
        return identity, identity.account

    def _certified(
        self, identity: OwnIdentity, account: AccountKey, key: bytes, name: DeviceName
    ) -> CertificateBytes:
        _made, data = account.certify(identity.user, identity.server, key, name, self.clock.now())
        return CertificateBytes(data)

    async def _listed(self, identity: OwnIdentity) -> Mapping[DeviceId, DeviceInfo]:
        """Return the server's list under ids computed from the keys: it cannot swap one."""
        listed = (await self._directory.devices()).devices
        return {device_id_of(identity.user, identity.server, info.key): info for info in listed}

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

    async def _status(self, identity: OwnIdentity, device: DeviceId) -> DeviceStatus:
        if await self.archive.read(key_log_copy.is_revoked, device):
            return DeviceStatus.REVOKED
        live = await self.archive.read(pins.live_devices, identity.user, self.clock.now())
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
            current=device == identity.device,
        )

    # the account key
    async def recovery_words(self) -> Sequence[str]:
        """Return the 24 words of the account key. Raises NoAccountKeyError."""
        found = await self.archive.write(own_device.load)
        if found is None or found.account is None:
            raise NoAccountKeyError(_("This device does not hold your account key."))
        return keys.words_of(found.account)

    async def recover(self, words: Sequence[str]) -> None:
        """Approve this device with the recovery words; the account key stays here from now on."""
        account = keys.key_of(words)
        await self.key_log.sync()
        logged = await self.archive.read(key_log_copy.account, self.user)
        if logged is None or logged.key != account.public:
            raise SetupError(
                _("These words belong to a different account key from the one you have now."),
                _("If the keys were reset, only the newest words count."),
            )
        try:
            if await self.archive.read(own_keys.get, Name.ACCOUNT_KEY) != account.public:
                await self.accept_own_key()
            await self.archive.write_durably(own_device.hold, self.user, account, self.clock.now())
            identity = await self._stored()
            if identity.certificate is None:
                certificate = self._certified(identity, account, identity.key.public, self._name)
                await self._directory.certify(identity.device, CertifyDevice(certificate=certificate))
                await self.key_log.sync()
            await self.refresh_packages()
        finally:
            await self.refresh()

    async def give_up_others(self) -> None:
        """Stop waiting for our other devices: the recovery words are for when they are lost."""
        await self.archive.write_durably(own_device.give_up_others)

    async def accept_own_key(self) -> None:
        """Accept the account key that the person made on another device, and register under it."""
        server = await self.archive.read(server_of)
        if await self.archive.write_durably(own_device.adopt_account, self.user, server, self.clock.now()):
            await self._register()
            await self._device_replaced()
        await self.refresh()

    async def reset_identity(self, password: Secret) -> None:
        """Make a new account key: everyone is notified, and all other devices are removed."""
        server = await self.archive.read(server_of)
        following = await self.archive.write_durably(own_device.next_account_key)
        try:
            try:
                await self._publish(following, server, password)
            except ApiRefusedError:
                await self.archive.write_durably(own_device.forget_next)
                raise
            await self.key_log.sync()  # the new key is in it: from now on it is ours
            await self._register()
            await self.refresh_packages()
        finally:
            await self.refresh()
        await self._device_replaced()


def _look(
    connection: apsw.Connection,
) -> tuple[OwnIdentity | None, int, dict[UserName, str], Sequence[alarms.Raised]]:
    return (
        own_device.load(connection),
        pins.version(connection),
        key_pins.levels(connection),
        alarms.load(connection),
    )


def _room_of(alarm: alarms.Raised) -> RoomId | None:
    """Return the room of an alarm about members, which ``group.plan`` calls ``room/user``."""
    return RoomId(alarm.about.partition("/")[0]) if alarm.kind is alarms.Kind.MEMBERS else None


def _lost(connection: apsw.Connection) -> tuple[int, list[LogEntry]]:
    """Return how many lost entries were looked at, and the others, parsed."""
    looked_at = int(own_keys.get(connection, Name.REPUBLISHED) or b"0")
    server = server_of(connection)
    return looked_at, read_entries(server, Tree(), key_log_copy.lost(connection, looked_at))


def _plain(code: str) -> str:
    return "".join(character for character in code.lower() if character.isalnum())
