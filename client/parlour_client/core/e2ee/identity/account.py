"""This account's keys, devices and alarms, and how far other people's keys are trusted.

Frequent questions of views are answered from memory, which is updated after each change. It never sends a
message, and never reverts a pinned key.
"""

from collections.abc import Awaitable, Callable, Sequence

import apsw

from parlour_client.core.archive import Archive, alarms, key_log_copy, key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import DevicePendingError, NoAccountKeyError, OtherServerError
from parlour_client.core.e2ee.identity import keys, own_device, pins
from parlour_client.core.e2ee.identity.enrol import Enrolment, OwnDevices, SignedIn
from parlour_client.core.e2ee.identity.key_log import KeyLog, server_of
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.inspection import ShownPolicy
from parlour_client.core.e2ee.values import Alarm, OwnDevice, OwnKeys, Trust
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret


class IdentityService:
    """Identity and trust of one account on this device."""

    def __init__(
        self,
        archive: Archive,
        user: UserName,
        device_name: DeviceName,
        directory: DeliveryClient,
        clock: Clock,
        device_replaced: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """Work for ``user``.

        ``device_replaced`` is awaited when a new key makes this a new device; ``changed`` is called when
        views should refresh.
        """
        self._archive = archive
        self._user = user
        self._device_replaced = device_replaced
        self._changed = changed
        self.key_log = KeyLog(archive, directory, clock, own_device.watch)
        self._enrolment = Enrolment(archive, user, device_name, directory, self.key_log, clock)
        self._devices = OwnDevices(archive, directory, self.key_log, self._enrolment, clock)
        self._identity: OwnIdentity | None = None
        self._version = 0
        self._levels: dict[UserName, str] = {}
        self._alarms: Sequence[Alarm] = ()
        self._waiting: Sequence[OwnDevice] = ()
        self._raised: Sequence[alarms.Raised] = ()
        self.policy = ShownPolicy()

    async def sign_in(self) -> SignedIn:
        """Bind the session to this device and bring keys up to date; after a login, before the chat."""
        try:
            made = await self._enrolment.sign_in()
        finally:
            await self.refresh()
        if made.device_changed:
            await self._device_replaced()
        return made

    async def check_server(self, name: str) -> None:
        """Check the name in the server's greeting. Raises OtherServerError."""
        known = await self._archive.write(server_of)
        if known and known != name:
            raise OtherServerError(_("The server has another name than before."))

    async def catch_up(self) -> None:
        """Fetch the key log; a device that waited for its certificate publishes its key packages."""
        try:
            grown = await self.key_log.sync()
            waited = self._identity is not None and self._identity.certificate is None
            if grown and waited:
                await self.refresh_packages()
        finally:
            await self.refresh()

    async def refresh_packages(self) -> None:
        """Upload as many key packages as the server should have."""
        await self._enrolment.refresh_packages()

    async def refresh(self) -> None:
        """Update what is answered from memory; notify the views if anything has changed."""
        before = self._remembered()
        self._identity, self._version, self._levels, self._raised = await self._archive.read(_look)
        self._alarms = [
            Alarm(one.id, one.detail, one.at, one.kind in alarms.PERMANENT, _room_of(one))
            for one in self._raised
        ]
        if self._remembered() != before:  # else a view that asks again would loop
            self._changed()

    def _remembered(self) -> tuple[object, ...]:
        found = self._identity
        state = found and (found.device.id, found.status, found.certificate, found.account is None)
        return state, found and found.account_key, self._version, tuple(self._alarms)

    # from memory
    @property
    def identity(self) -> OwnIdentity | None:
        """This device's keys, as of the last update."""
        return self._identity

    def own(self) -> OwnKeys:
        """Return the state of this device. Raises DevicePendingError before the first contact."""
        found = self._identity
        if found is None:
            raise DevicePendingError(_("This device has no keys yet."), _("Connect to the server once."))
        return OwnKeys(
            device=found.device.id,
            status=found.status,
            code=found.code,
            has_account_key=found.account is not None,
            protection=self._archive.key.protection,
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
        """Dismiss an alarm that the person has read."""
        await self._archive.write_durably(alarms.dismiss, alarm)
        await self.refresh()

    # devices
    @property
    def waiting(self) -> Sequence[OwnDevice]:
        """Devices of the account that wait for approval, as of the last look; from memory."""
        return self._waiting

    async def look_for_waiting(self) -> None:
        """Look for devices that wait for approval, if this one can approve them."""
        if self._identity is not None and self._identity.account is not None:
            self._note_waiting(await self._devices.list())

    def _note_waiting(self, found: Sequence[OwnDevice]) -> None:
        waiting = [one for one in found if one.status is DeviceStatus.PENDING and not one.current]
        changed = [one.device for one in waiting] != [one.device for one in self._waiting]
        self._waiting = waiting
        if changed:
            self._changed()

    async def devices(self) -> Sequence[OwnDevice]:
        """Return the account's devices."""
        found = await self._devices.list()
        await self.refresh()
        self._note_waiting(found)
        return found

    async def approve(self, code: str) -> OwnDevice:
        """Approve the pending device that shows ``code``."""
        try:
            return await self._devices.approve(code)
        finally:
            await self.refresh()
            await self.look_for_waiting()

    async def revoke(self, device: DeviceId) -> None:
        """Revoke a device for good."""
        try:
            await self._devices.revoke(device)
        finally:
            await self.refresh()
        self._note_waiting([one for one in self._waiting if one.device != device])

    # the account key
    async def recovery_words(self) -> Sequence[str]:
        """Return the 24 words of the account key. Raises NoAccountKeyError."""
        found = await self._archive.write(own_device.load)
        if found is None or found.account is None:
            raise NoAccountKeyError(_("This device does not hold your account key."))
        return keys.words_of(found.account)

    async def recover(self, words: Sequence[str]) -> None:
        """Approve this device with the recovery words."""
        key = keys.key_of(words)
        await self.key_log.sync()
        logged = await self._archive.write(key_log_copy.account, self._user)
        if logged is None or logged.key != key.public:
            raise SetupError(
                _("These words belong to a different account key from the one you have now."),
                _("If the keys were reset, only the newest words count."),
            )
        try:
            if await self._archive.write(own_keys.get, Name.ACCOUNT_KEY) != key.public:
                await self.accept_own_key()
            await self._enrolment.certify_self(key)
        finally:
            await self.refresh()

    async def give_up_others(self) -> None:
        """Stop waiting for our other devices: the recovery words are for when they are lost."""
        await self._archive.write_durably(own_device.give_up_others)

    async def accept_own_key(self) -> None:
        """Accept the account key that the person made on another device."""
        if await self._enrolment.adopt():
            await self._device_replaced()
        await self.refresh()

    async def reset_identity(self, password: Secret) -> None:
        """Make a new account key: everyone is notified, and all other devices are removed."""
        try:
            await self._enrolment.replace_account_key(password)
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
