"""The state of each encrypted room at its last change, for views, which ask often.

The keys of people who are seen in a group for the first time are pinned here.
"""

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.groups.group_report import GroupReport, GroupStatus
from parlour_client.core.e2ee.identity.identity_service import IdentityService
from parlour_client.core.e2ee.maintenance.background_tasks import BackgroundTasks, ChangeSignal
from parlour_client.core.e2ee.maintenance.device_session import DeviceSession
from parlour_client.core.e2ee.status import Trust
from parlour_client.core.e2ee.verification.contacts import Contacts
from parlour_client.core.events import Emit, EncryptionChanged
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName

_NOTHING_KNOWN = GroupReport(GroupStatus.NO_GROUP)


class RoomStatuses:
    """The states of all rooms."""

    def __init__(
        self,
        archive: Archive,
        me: UserName,
        session: DeviceSession,
        identity: IdentityService,
        contacts: Contacts,
        emit: Emit,
        background: BackgroundTasks,
        signal: ChangeSignal,
    ) -> None:
        self._archive = archive
        self._me = me
        self._session = session
        self._identity = identity
        self._contacts = contacts
        self._emit = emit
        self._background = background
        self._signal = signal
        self._known: dict[RoomId, GroupReport] = {}

    def of(self, room: RoomId) -> GroupReport:
        """Return a room's state at the last update."""
        return self._known.get(room, _NOTHING_KNOWN)

    async def look(self, room: RoomId) -> None:
        """Update its state now, and pin the keys of new people."""
        if (groups := self._session.maybe_groups) is None:
            return
        report = self._known[room] = await self._archive.read(groups.report, room)
        people = {member.user for member in report.members} - {self._me}
        if strangers := [user for user in people if self._identity.trust(user) is Trust.UNKNOWN]:
            await self._contacts.meet(strangers)

    async def refresh(self, room: RoomId) -> None:
        """Update at once, with alarms, and notify the views: the server's claims have changed."""
        await self.look(room)
        await self._identity.refresh()
        self.changed(room)

    def changed(self, room: RoomId) -> None:
        """Update in the background, and notify the views; everyone who waits for something checks at once."""
        self._background.run(self._look_and_tell(room))
        self._signal.notify()

    async def _look_and_tell(self, room: RoomId) -> None:
        await self.look(room)
        self._emit(EncryptionChanged(room))
