"""What follows when events of an encrypted room were taken in: who hears of them, and what is to be done.

What was said and is no message goes to whom it concerns; a commit that could not be followed, a new epoch, or
a key log that somebody saw more of has each its errand. It decides nothing about keys. ``SealedRooms`` calls
it after each run of events.
"""

from collections.abc import Awaitable, Callable

from parlour_client.core.e2ee.groups.payloads import known
from parlour_client.core.e2ee.groups.received import Receipt, Received
from parlour_client.core.e2ee.identities import Identities
from parlour_client.core.e2ee.maintenance.background_tasks import BackgroundTasks
from parlour_client.core.e2ee.maintenance.erasure import Erasure
from parlour_client.core.e2ee.maintenance.renewal import Renewal
from parlour_client.core.e2ee.maintenance.room_status import RoomStatuses
from parlour_client.core.e2ee.maintenance.scheduler import Scheduler
from parlour_client.core.e2ee.messages.store import StoredRun
from parlour_client.core.e2ee.surroundings import Surroundings
from parlour_client.core.events import HistoryReplaced
from parlour_client.core.model import NoteKind
from parlour_protocol.encrypted import HistoryContent, ReadContent, VerifyContent
from parlour_protocol.ids import RequestId, RoomId
from parlour_protocol.names import UserName

TakeHistory = Callable[[], Awaitable[None]]


class Effects:
    """Passes on what came of events."""

    def __init__(
        self,
        around: Surroundings,
        identities: Identities,
        scheduler: Scheduler,
        renewal: Renewal,
        room_statuses: RoomStatuses,
        background: BackgroundTasks,
        erasure: Erasure,
    ) -> None:
        """Pass it on to these."""
        self._around = around
        self._identities = identities
        self._scheduler = scheduler
        self._renewal = renewal
        self._room_statuses = room_statuses
        self._background = background
        self._erasure = erasure
        self.take_history: TakeHistory | None = None
        """Takes in what another device of ours sent, all of it that waits."""

    def taken(self, room: RoomId, taken: StoredRun) -> None:
        """Hear what became of a run of events."""
        receipt = taken.receipt
        for item in receipt.items:
            self._said(room, item)
        for request in taken.denied:
            self._around.denied(request)
        if taken.behind or receipt.concerns:
            self._background.run(self._identities.catch_up())
        if taken.differs:
            self._background.run(self._identities.refresh())
        if taken.corrected:
            self._around.emit(HistoryReplaced(room))
        self._keep(room, receipt)
        self._renewal.taken(room, taken)
        if receipt.moved:
            self._erasure.epoch_ended()
        if receipt.moved or receipt.removed or receipt.concerns:
            self._room_statuses.changed(room)

    def _keep(self, room: RoomId, receipt: Receipt) -> None:
        """Let the group be looked after where something is to be done."""
        if receipt.contest is not None:
            self._scheduler.contest(room)
        if receipt.older:
            self._scheduler.renew(room, 0)
        if receipt.lost or receipt.removed:
            self._scheduler.changed(room)

    def _said(self, room: RoomId, item: Received) -> None:
        """Pass on what is no message."""
        if item.note is not None and item.note.kind is NoteKind.HISTORY_STARTS:
            self._background.run(self._identities.packages_used())
        match item.content:
            case ReadContent(target=target):
                self._background.run(self._read_by(room, item.event.author, target))
            case VerifyContent() as step:
                self._verify(room, item, step)
            case HistoryContent():
                self._background.run(self.history())
            case _:
                pass

    async def _read_by(self, room: RoomId, reader: UserName, target: RequestId) -> None:
        message = await self._around.archive.look(known, room, target)
        if message is not None:
            self._around.read_by(room, reader, message.seq)

    def _verify(self, room: RoomId, item: Received, content: VerifyContent) -> None:
        event, device = item.event, item.device
        if device is not None:
            step = self._identities.receive_verify(room, event.author, device, content, event.at)
            self._background.run(step)

    async def history(self) -> None:
        """Take in what another device of ours sent."""
        if self.take_history is not None:
            await self.take_history()
