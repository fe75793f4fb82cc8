"""How each encrypted room stood when something last changed, for what views ask at once.

Whoever comes into sight in a group is met: pinned at first sight. It changes nothing else. ``SealedRooms``
says when to look anew, the facade asks.
"""

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.groups.group_report import GroupReport, GroupStatus
from parlour_client.core.e2ee.identities import Identities
from parlour_client.core.e2ee.maintenance.background_tasks import BackgroundTasks, ChangeSignal
from parlour_client.core.e2ee.maintenance.device_session import DeviceSession
from parlour_client.core.e2ee.status import Trust
from parlour_client.core.event_bus import Emit
from parlour_client.core.events import EncryptionChanged
from parlour_protocol.ids import RoomId
from parlour_protocol.names import UserName

_NOTHING_KNOWN = GroupReport(GroupStatus.UNFOUNDED)


class RoomStatuses:
    """Where all rooms stand."""

    def __init__(
        self,
        archive: Archive,
        me: UserName,
        keys: DeviceSession,
        identities: Identities,
        emit: Emit,
        background: BackgroundTasks,
        signal: ChangeSignal,
    ) -> None:
        """Look into ``archive`` with the vault of ``keys``."""
        self._archive = archive
        self._me = me
        self._keys = keys
        self._identities = identities
        self._emit = emit
        self._background = background
        self._signal = signal
        self._known: dict[RoomId, GroupReport] = {}

    def of(self, room: RoomId) -> GroupReport:
        """Return how a room stood when it was last looked at."""
        return self._known.get(room, _NOTHING_KNOWN)

    async def look(self, room: RoomId) -> None:
        """Look how it stands now, and meet who is new in it."""
        if (groups := self._keys.maybe_groups) is None:
            return
        report = self._known[room] = await self._archive.look(groups.status, room)
        people = {member.user for member in report.members} - {self._me}
        if strangers := [user for user in people if self._identities.trust(user) is Trust.UNKNOWN]:
            await self._identities.meet(strangers)

    def changed(self, room: RoomId) -> None:
        """Look in the background, and tell the views; whoever waits for something looks at once."""
        self._background.run(self._look_and_tell(room))
        self._signal.notify()

    async def _look_and_tell(self, room: RoomId) -> None:
        await self.look(room)
        self._emit(EncryptionChanged(room))
