"""The effects of stored events of an encrypted room.

Contents other than messages are passed on; a commit that could not be processed, a new epoch, or a key log of
which someone else saw more starts a background task. It decides nothing about keys.
"""

from collections.abc import Callable

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.groups.payloads import known
from parlour_client.core.e2ee.groups.received import Receipt, Received
from parlour_client.core.e2ee.identity.identity_service import IdentityService
from parlour_client.core.e2ee.maintenance.background_tasks import BackgroundTasks
from parlour_client.core.e2ee.maintenance.closed_accounts import ClosedAccounts
from parlour_client.core.e2ee.maintenance.erasure import Erasure
from parlour_client.core.e2ee.maintenance.membership import Membership
from parlour_client.core.e2ee.maintenance.reconcile import Reconciler
from parlour_client.core.e2ee.maintenance.renewal import Renewal
from parlour_client.core.e2ee.maintenance.room_status import RoomStatuses
from parlour_client.core.e2ee.maintenance.scheduler import Scheduler
from parlour_client.core.e2ee.messages.history_transfer import HistoryTransfer
from parlour_client.core.e2ee.messages.store import StoredRun
from parlour_client.core.e2ee.verification.sas_sessions import SasSessions
from parlour_client.core.events import Emit, HistoryReplaced
from parlour_client.core.model import NoteKind
from parlour_protocol.encrypted import HistoryContent, ReadContent, VerifyContent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName


class Effects:
    """Passes on the effects of events."""

    def __init__(
        self,
        archive: Archive,
        identity: IdentityService,
        sas: SasSessions,
        history: HistoryTransfer,
        reconciler: Reconciler,
        scheduler: Scheduler,
        renewal: Renewal,
        room_statuses: RoomStatuses,
        closed_accounts: ClosedAccounts,
        membership: Membership,
        background: BackgroundTasks,
        erasure: Erasure,
        emit: Emit,
        denied: Callable[[RequestId], None],
        read_by: Callable[[RoomId, UserName, Seq], None],
    ) -> None:
        """Pass effects on to these parts.

        ``denied`` is called with each request that the server did not store where it said; ``read_by`` when
        someone sends the room a read receipt.
        """
        self._archive = archive
        self._identity = identity
        self._sas = sas
        self._history = history
        self._emit = emit
        self._denied = denied
        self._read_by = read_by
        self._reconciler = reconciler
        self._scheduler = scheduler
        self._renewal = renewal
        self._room_statuses = room_statuses
        self._closed_accounts = closed_accounts
        self._membership = membership
        self._background = background
        self._erasure = erasure

    def follow(self, room: RoomId, run: StoredRun) -> None:
        """Apply the effects of a run of events."""
        receipt = run.receipt
        for item in receipt.items:
            self._pass_on(room, item)
        for item in receipt.items:
            if item.device is not None:
                self._closed_accounts.heard(room, item.event.author, item.event.seq)
        for request in run.denied:
            self._denied(request)
        if run.behind or receipt.concerns:
            self._background.run(self._identity.catch_up())
        if run.differs:
            self._background.run(self._identity.refresh())
        if run.corrected:
            self._emit(HistoryReplaced(room))
        self._look_after(room, receipt)
        self._renewal.received(room, receipt)
        if receipt.moved:
            self._erasure.epoch_ended()
        if receipt.moved or receipt.removed or receipt.concerns or run.elsewhere:
            self._room_statuses.changed(room)

    def _look_after(self, room: RoomId, receipt: Receipt) -> None:
        """Schedule maintenance of the group if it is needed."""
        self._reconciler.decided(receipt.merged, receipt.lost)
        if receipt.contest is not None:
            self._scheduler.contest(room)
        if receipt.older:
            self._scheduler.renew(room, 0)
        if receipt.lost or receipt.removed or receipt.unexecuted or receipt.unusable:
            self._scheduler.changed(room)
        if receipt.unusable:
            self._background.run(self._identity.refresh_packages())
        if receipt.learned:
            self._background.run(self._membership.ask_again(room))

    def _pass_on(self, room: RoomId, item: Received) -> None:
        """Pass on contents other than messages."""
        if item.note is not None and item.note.kind is NoteKind.HISTORY_STARTS:
            self._background.run(self._identity.refresh_packages())
        match item.content:
            case ReadContent(target=target):
                self._background.run(self._note_reader(room, item.event.author, target))
            case VerifyContent() as step:
                self._verify(room, item, step)
            case HistoryContent():
                self._background.run(self._history.take())
            case _:
                pass

    async def _note_reader(self, room: RoomId, reader: UserName, target: RequestId) -> None:
        message = await self._archive.read(known, room, target)
        if message is not None:
            self._read_by(room, reader, message.seq)

    def _verify(self, room: RoomId, item: Received, content: VerifyContent) -> None:
        event, device = item.event, item.device
        if device is not None:
            step = self._sas.receive(room, event.author, device, content, event.at)
            self._background.run(step)
