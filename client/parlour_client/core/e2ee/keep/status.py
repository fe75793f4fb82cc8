"""The state of each encrypted room at its last change, for views, which ask often.

The keys of people who are seen in a group for the first time are pinned here.
"""

from parlour_client.core.e2ee.group.report import GroupReport, GroupStatus
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.trust.compare import Contacts
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.e2ee.world import World
from parlour_client.core.events import EncryptionChanged
from parlour_protocol.ids import RoomId

_NOTHING_KNOWN = GroupReport(GroupStatus.NO_GROUP)


class RoomStatuses:
    """The states of all rooms."""

    def __init__(self, world: World, keys: Keys, identity: Identity, contacts: Contacts) -> None:
        self._world = world
        self._keys = keys
        self._identity = identity
        self._contacts = contacts
        self._known: dict[RoomId, GroupReport] = {}

    def of(self, room: RoomId) -> GroupReport:
        """Return a room's state at the last update."""
        return self._known.get(room, _NOTHING_KNOWN)

    async def look(self, room: RoomId) -> None:
        """Update its state now, and pin the keys of new people."""
        if (groups := self._keys.maybe_groups) is None:
            return
        report = self._known[room] = await self._world.archive.read(groups.report, room)
        people = {member.user for member in report.members} - {self._world.me}
        if strangers := [user for user in people if self._identity.trust(user) is Trust.UNKNOWN]:
            await self._contacts.meet(strangers)

    async def refresh(self, room: RoomId) -> None:
        """Update at once, with alarms, and notify the views: the server's claims have changed."""
        await self.look(room)
        await self._identity.refresh()
        self.changed(room)

    def changed(self, room: RoomId) -> None:
        """Update in the background, and notify the views; everyone who waits for something checks at once."""
        self._world.tasks.run(self._look_and_tell(room))
        self._world.signal.notify()

    async def _look_and_tell(self, room: RoomId) -> None:
        await self.look(room)
        self._world.emit(EncryptionChanged(room))
