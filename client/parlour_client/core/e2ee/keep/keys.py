"""This device's keys while the client runs: signed in at the server, and the groups of its rooms.

It says why there are no keys, and refuses actions that need an approved device. The state of each room's
group is kept in memory as of its last change, since views ask often for it; the keys of people who are seen
in a group for the first time are pinned then.
"""

import asyncio
from typing import Final

from parlour_client.core.e2ee.errors import DevicePendingError
from parlour_client.core.e2ee.group.report import GroupReport, report
from parlour_client.core.e2ee.group.store import Groups, GroupStatus
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.trust.compare import Contacts
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import EncryptionChanged
from parlour_client.kit.errors import ParlourClientError, SessionEndedError, UnreachableError
from parlour_client.kit.language import N_, _
from parlour_protocol.delivery import DeviceStatus, EventStored
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

_SIGN_IN_SECONDS: Final = 15.0
"""After this long the connection is opened without keys: unencrypted rooms do not wait for them."""
_FIRST_RETRY: Final = 10.0
_LONGEST_RETRY: Final = 300.0
_NO_KEYS: Final = N_("This device has no keys yet, so encrypted rooms wait.")
_PENDING: Final = N_("This device is not approved yet, so it can neither read nor write in encrypted rooms.")


class Keys:
    """The current keys."""

    def __init__(self, world: World, identity: Identity) -> None:
        self._world = world
        self.identity = identity
        self._groups: Groups | None = None
        self._refused = False
        self.signed_in = False
        self.trouble: ParlourClientError | None = EncryptionError(_NO_KEYS)
        """Why there are none to work with."""

    async def load(self) -> None:
        """Load keys from the archive: enough to read before the server is reached."""
        await self.identity.refresh()
        self.renew()
        if self._groups is not None:
            self.trouble = None

    async def sign_in(self) -> None:
        """Bind the session to this device, once. A failure is kept as the trouble."""
        if self.signed_in:
            return
        try:
            async with asyncio.timeout(_SIGN_IN_SECONDS):
                await self.identity.sign_in()
            self.signed_in = True
            self.trouble = self.trouble if self._refused else None
        except SessionEndedError:
            raise
        except ParlourClientError as error:
            self.trouble = error
        except TimeoutError:
            self.trouble = UnreachableError(_("The server is not responding to requests for keys."))

    async def sign_in_late(self) -> None:
        """Retry what failed, until it works or the session has ended."""
        wait = _FIRST_RETRY
        while not self.signed_in:
            await self._world.clock.sleep(wait)
            wait = min(2 * wait, _LONGEST_RETRY)
            try:
                await self.sign_in()
            except ParlourClientError:
                return  # the connection reports it itself

    def refuse(self, why: ParlourClientError) -> None:
        """Work without keys until ``accept``: they are for another server."""
        self.trouble, self._refused = why, True

    def accept(self) -> None:
        """Work with the keys, if there are any: the server is theirs."""
        refused, self._refused = self._refused, False
        if refused and self._groups is not None:
            self.trouble = None

    def renew(self) -> bool:
        """Load the current keys; True if they have changed."""
        identity = self.identity.identity
        if identity is None or (self._groups is not None and self._groups.own.facts == identity.facts):
            return False
        self._groups = Groups(identity)
        return True

    @property
    def maybe_groups(self) -> Groups | None:
        """The groups, if there are keys for this server."""
        return None if self._refused else self._groups

    @property
    def kept_groups(self) -> Groups | None:
        """The groups, also while another server is connected."""
        return self._groups

    @property
    def groups(self) -> Groups:
        """The groups. Raises ParlourClientError while there are no keys: the reason."""
        if (groups := self.maybe_groups) is None:
            raise self.trouble or EncryptionError(_NO_KEYS)
        return groups

    @property
    def own(self) -> OwnIdentity:
        """This device. Raises ParlourClientError while it has no keys or is not approved: the reason."""
        identity = self.identity.identity
        if self._groups is None or identity is None:
            raise self.trouble or EncryptionError(_NO_KEYS)
        if identity.status is not DeviceStatus.ACTIVE:
            code = identity.code
            todo = _(
                "On another device of yours: /approve {code}; in a shell: parlour device approve {code}"
            ).format(code=code)
            raise DevicePendingError(_PENDING, todo)
        return self._groups.own

    # what needs them
    async def report(self, room: RoomId) -> GroupReport:
        """Return the state of a room's group."""
        return await self._world.archive.read(report, self.groups, room)

    async def reached(self, room: RoomId, seq: Seq | None = None) -> None:
        """Wait until a room was processed up to its head, and at least to ``seq``.

        Raises at once why there are no keys: the room would never catch up.
        """
        self.groups  # noqa: B018 - raises
        await self._world.catch_up.reached(room, seq or Seq(0))

    async def logged(self, room: RoomId, logged: EventStored) -> None:
        """Wait until the event that the server named was processed."""
        self._world.numbers.check(logged.incarnation)
        await self.reached(room, self._world.numbers.of(room).to_local(logged.seq))

    async def shown_up_to(self, room: RoomId, seq: Seq) -> None:
        """Wait until the log was processed up to the server's number ``seq``."""
        await self.reached(room, self._world.numbers.of(room).to_local(seq) if seq else None)


_NOTHING_KNOWN: Final = GroupReport(GroupStatus.NO_GROUP)


class RoomStatuses:
    """The states of all rooms."""

    def __init__(self, world: World, keys: Keys, contacts: Contacts) -> None:
        self._world = world
        self._keys = keys
        self._contacts = contacts
        self._known: dict[RoomId, GroupReport] = {}

    def of(self, room: RoomId) -> GroupReport:
        """Return a room's state at the last update."""
        return self._known.get(room, _NOTHING_KNOWN)

    async def look(self, room: RoomId) -> None:
        """Update its state now, and pin the keys of new people."""
        if (groups := self._keys.maybe_groups) is None:
            return
        found = self._known[room] = await self._world.archive.read(report, groups, room)
        people = {member.user for member in found.members} - {self._world.me}
        if strangers := [user for user in people if self._keys.identity.trust(user) is Trust.UNKNOWN]:
            await self._contacts.meet(strangers)

    async def refresh(self, room: RoomId) -> None:
        """Update at once, with alarms, and notify the views: the server's claims have changed."""
        await self.look(room)
        await self._keys.identity.refresh()
        self.changed(room)

    def changed(self, room: RoomId) -> None:
        """Update in the background, and notify the views; everyone who waits for something checks at once."""
        self._world.tasks.run(self._look_and_tell(room))
        self._world.signal.notify()

    async def _look_and_tell(self, room: RoomId) -> None:
        await self.look(room)
        self._world.emit(EncryptionChanged(room))
