"""People, devices and keys as one object: what ``Encryption`` says of them, over the archive and the server.

It answers at once from memory, asks the server for what may be new, and does what the person decided. It
never sends a message itself, and never takes a key back that was pinned. The client's facade delegates to it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from parlour_client.core.archive import Archive, alarms, key_log_copy, key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.clock import Clock
from parlour_client.core.e2ee.groups import server_claims
from parlour_client.core.e2ee.identity import key_trust, own_identity, recovery_words
from parlour_client.core.e2ee.identity.enrolment import Enrolment, SignedIn
from parlour_client.core.e2ee.identity.identity_errors import (
    DevicePendingError,
    KeyLogError,
    NoAccountKeyError,
    OtherServerError,
)
from parlour_client.core.e2ee.identity.key_directory import Directory
from parlour_client.core.e2ee.identity.key_log import KeyLog, server_of
from parlour_client.core.e2ee.identity.own_devices import OwnDevices
from parlour_client.core.e2ee.identity.own_identity import OwnIdentity
from parlour_client.core.e2ee.status import Alarm, OwnDevice, OwnKeys, PersonReport, Trust, WordsProcess
from parlour_client.core.e2ee.verification.channel import Wire
from parlour_client.core.e2ee.verification.contacts import Contacts
from parlour_client.core.e2ee.verification.sas_sessions import SasSessions
from parlour_client.core.errors import SetupError, UnreachableError
from parlour_protocol.encrypted import VerifyContent
from parlour_protocol.ids import DeviceId, Millis, RequestId, RoomId
from parlour_protocol.names import DeviceName, UserName
from parlour_protocol.secret import Secret


class Identities:
    """The identity side of encryption, for one account."""

    def __init__(
        self,
        archive: Archive,
        user: UserName,
        device_name: DeviceName,
        directory: Directory,
        clock: Clock,
        wire: Wire,
        changed: Callable[[], None],
    ) -> None:
        """Work for ``user`` on this home; ``changed`` is called when views ought to ask anew."""
        self._archive = archive
        self._user = user
        self._wire = wire
        self._changed = changed
        self._key_log = KeyLog(archive, directory, clock, own_identity.watch)
        self._enrolment = Enrolment(archive, user, device_name, directory, self._key_log, clock)
        self._devices = OwnDevices(archive, directory, self._key_log, self._enrolment, clock)
        self._people = Contacts(archive, user, clock)
        self._words = SasSessions(user, self._people.parties, self._people.prove, wire, clock, changed)
        self._identity: OwnIdentity | None = None
        self._version = 0
        self._levels: dict[UserName, str] = {}
        self._alarms: Sequence[Alarm] = ()
        self._code = ""

    # what the orchestration tells
    async def open(self) -> None:
        """Load what is answered from memory."""
        await self.refresh()

    async def sign_in(self) -> SignedIn:
        """Bind the session to this device and bring keys up to date; after a login, before the chat."""
        try:
            made = await self._enrolment.sign_in()
        finally:
            await self.refresh()
        if made.device_changed:
            await self._wire.device_replaced()
        return made

    def judge_key_log(self, *, later: bool = False) -> None:
        """Raise an alarm for a key log that contradicts ours; ``later``: once the server has greeted."""
        self._key_log.undecided = later

    async def server_is(self, name: str) -> None:
        """Check the name in the server's greeting. Raises OtherServerError."""
        known = await self._archive.run(server_of)
        if known and known != name:
            raise OtherServerError("The server calls itself by another name than before.")

    async def catch_up(self) -> None:
        """Fetch the key log; a device that waited for its certificate gets its key packages out."""
        try:
            grown = await self._key_log.sync()
            waited = self._identity is not None and self._identity.certificate is None
            if grown and waited:
                await self._enrolment.refresh_packages()
        finally:
            await self.refresh()

    async def keys_low(self, left: int, *, last_resort_used: bool = False) -> None:
        """Bring more key packages: the server has ``left``. It is asked what it has; that decides."""
        del left, last_resort_used
        await self._enrolment.refresh_packages()

    async def packages_used(self) -> None:
        """Bring more key packages if too many were used."""
        await self._enrolment.refresh_packages()

    async def receive_verify(
        self, room: RoomId, sender: UserName, device: DeviceId, content: VerifyContent, at: Millis
    ) -> None:
        """Take in a step of a verification from a direct room; author and device as MLS verified them."""
        if self._identity is not None and device == self._identity.device.id:
            return  # our own step, come back
        await self._words.receive(room, sender, device, content, at)
        await self.refresh()

    async def refresh(self) -> None:
        """Read anew what is answered from memory; tell the views if anything is different."""
        before = self._remembered()
        self._identity = await self._archive.run(own_identity.load)
        self._version = await self._archive.run(key_trust.version)
        self._levels = await self._archive.run(key_pins.levels)
        self._code = await self._people.own_code()
        self._alarms = [
            Alarm(one.id, one.detail, one.at, one.kind in alarms.PERMANENT, server_claims.room_of(one))
            for one in await self._archive.run(alarms.load)
        ]
        if self._remembered() != before:  # else a view that asks anew would go round in circles
            self._changed()

    def _remembered(self) -> tuple[object, ...]:
        found = self._identity
        standing = found and (found.device.id, found.status, found.certificate, found.account is None)
        return standing, self._version, self._code, tuple(self._alarms)

    # at once
    @property
    def identity(self) -> OwnIdentity | None:
        """This device's keys, as they were when last read."""
        return self._identity

    def own(self) -> OwnKeys:
        """Return where this device stands. Raises DevicePendingError before the first contact."""
        found = self._identity
        if found is None:
            raise DevicePendingError("This device has no keys yet.", "Connect to the server once.")
        return OwnKeys(
            device=found.device.id,
            status=found.status,
            code=found.code,
            has_account_key=found.account is not None,
            protection=self._archive.key.protection,
        )

    def own_code(self) -> str:
        """Return the code for others; empty before the account has a key."""
        return self._code

    def trust(self, user: UserName) -> Trust:
        """Return how a person's key stands."""
        level = self._levels.get(user)
        return Trust(level) if level is not None else Trust.UNKNOWN

    def alarms(self) -> Sequence[Alarm]:
        """Return what must be told loudly."""
        return self._alarms

    def words(self) -> Sequence[WordsProcess]:
        """Return the verifications by words."""
        return self._words.all()

    # people
    async def meet(self, users: Sequence[UserName]) -> None:
        """Know people who came into a group; they are pinned at first sight."""
        await self._people.meet(users)
        await self.refresh()

    async def person(self, user: UserName) -> PersonReport:
        """Look a person's key up; what is here is shown when the server does not help."""
        with suppress(UnreachableError, KeyLogError):  # a log that lies has raised its alarm
            await self._key_log.sync()
        return await self._report(user)

    async def confirm(self, user: UserName, typed: str) -> PersonReport:
        """Mark a person verified by what they typed of the safety number."""
        await self._people.confirm(user, typed)
        return await self._report(user)

    async def check_code(self, user: UserName, code: str) -> PersonReport:
        """Mark a person verified by the code that their client shows."""
        with suppress(UnreachableError, KeyLogError):
            await self._key_log.sync()
        await self._people.check_code(user, code)
        return await self._report(user)

    async def accept_key(self, user: UserName) -> PersonReport:
        """Go on with a changed key. For ourselves: the person reset the keys on another device."""
        if user == self._user:
            if await self._enrolment.adopt():
                await self._wire.device_replaced()
        else:
            await self._people.accept(user)
        return await self._report(user)

    async def dismiss(self, alarm: int) -> None:
        """Take an alarm off that the person has read."""
        await self._archive.run_durably(alarms.dismiss, alarm)
        await self.refresh()

    # devices
    async def devices(self) -> Sequence[OwnDevice]:
        """Return the account's devices."""
        found = await self._devices.list()
        await self.refresh()
        return found

    async def approve(self, code: str) -> OwnDevice:
        """Approve the pending device that shows ``code``."""
        try:
            return await self._devices.approve(code)
        finally:
            await self.refresh()

    async def revoke(self, device: DeviceId) -> None:
        """End a device for ever."""
        try:
            await self._devices.revoke(device)
        finally:
            await self.refresh()

    async def recovery_words(self) -> Sequence[str]:
        """Return the 24 words of the account key."""
        found = await self._archive.run(own_identity.load)
        if found is None or found.account is None:
            raise NoAccountKeyError("This device does not hold your account key.")
        return recovery_words.words_of(found.account)

    async def recover(self, words: Sequence[str]) -> None:
        """Approve this device with the recovery words."""
        key = recovery_words.key_of(words)
        await self._key_log.sync()
        logged = await self._archive.run(key_log_copy.account, self._user)
        if logged is None or logged.key != key.public:
            raise SetupError(
                "These words belong to another account key than yours has now.",
                "If the keys were reset, only the newest words count.",
            )
        try:
            if await self._archive.run(own_keys.get, Name.ACCOUNT_KEY) != key.public:
                await self.accept_key(self._user)
            await self._enrolment.certify_self(key)
        finally:
            await self.refresh()

    async def give_up_others(self) -> None:
        """Wait for none of our other devices any more: the recovery words are for when they are lost."""
        await self._archive.run_durably(own_identity.give_up_others)

    async def reset_identity(self, password: Secret) -> None:
        """Make a new account key: everybody is told, and all other devices are out."""
        try:
            await self._enrolment.replace_account_key(password)
        finally:
            await self.refresh()
        await self._wire.device_replaced()

    # short words
    async def start_words(self, user: UserName) -> WordsProcess:
        """Begin a verification by words."""
        return await self._words.start(user)

    async def answer_words(self, process: RequestId) -> WordsProcess:
        """Go along with one."""
        return await self._words.answer(process)

    async def confirm_words(self, process: RequestId, typed: str) -> WordsProcess:
        """Say that the words are the same."""
        made = await self._words.confirm(process, typed)
        await self.refresh()
        return made

    async def cancel_words(self, process: RequestId) -> None:
        """End one."""
        await self._words.cancel(process)

    async def _report(self, user: UserName) -> PersonReport:
        found = await self._people.report(user)
        await self.refresh()
        return found
