"""The outbox: every message is on disk before it is sent, and is sent in order until the server has it.

queued -> sent -> stored, or failed with a reason. A request keeps its id for ever, so sending it again after
a drop or a crash stores it once. ``Sender`` sends them while a connection lasts; nothing else does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from msgspec import structs

from parlour_client.core.archive import Archive, events, outbox_table
from parlour_client.core.archive.outbox_table import DENIED, AlsoWrite, Place
from parlour_client.core.e2ee.group.contents import SendContent
from parlour_client.core.errors import ParentGoneError
from parlour_client.core.events import Emit, EntryAdded, EntryChanged, EntryRemoved, TextInspected
from parlour_client.core.model import Delivery, Entry, Outgoing
from parlour_client.core.outbox.item import DurableRequest, Item, StoredAt
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import MissingEvents
from parlour_client.core.room_log.translation import Numbers
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import (
    ParlourClientError,
    ServerMisbehavedError,
    SetupError,
    StoppedError,
    UnreachableError,
    quoted,
)
from parlour_client.kit.language import _
from parlour_protocol.encrypted import AnyContent
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.requests import Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq, new_request_id

_REMEMBERED: Final = 4_096
_TOGETHER_SECONDS: Final = 0.1
"""Seconds for which a program that only sends gathers answers, to write them together.

If it is killed meanwhile, these messages are sent again, under the ids that the server knows.
"""


class Outbox:
    """The queue, and the state of each request in it."""

    def __init__(
        self,
        account: Account,
        archive: Archive,
        numbers: Numbers,
        clock: Clock,
        emit: Emit,
        *,
        follow: bool = True,
    ) -> None:
        """Begin empty; ``load`` restores what an earlier run left.

        With ``follow`` a stored message stays here until its event arrives; without, it is dropped at once.
        """
        self._account = account
        self._archive = archive
        self._numbers = numbers
        self._clock = clock
        self._emit = emit
        self._follow = follow
        self._items: OrderedDict[RequestId, Item] = OrderedDict()
        self._finished: OrderedDict[RequestId, Item] = OrderedDict()
        self._send: Callable[[Item], None] | None = None
        """Sends a request in its turn, while there is a connection."""
        self._tasks: set[asyncio.Future[object]] = set()
        """Writes to the archive, and reads for the views, that are under way."""
        self._stored_at: dict[tuple[RoomId, Seq], RequestId] = {}
        """Requests that the server has stored and whose events are not here yet."""
        self._places: list[tuple[RequestId, RoomId, Seq]] = []
        """Where messages of a program that only sends are stored, until that is written."""
        self._last = 0
        """The position of the newest request."""

    async def load(self) -> None:
        """Adopt requests that earlier programs on this home left unsent."""
        for row in await self._archive.read(outbox_table.load):
            if row.state != "stored":
                self._adopt(row)

    def _adopt(self, row: outbox_table.Outgoing) -> Item | None:
        if not isinstance(row.frame, DurableRequest):
            return None
        item = Item(row.position, row.frame, row.at, Delivery.QUEUED, left=True)
        self._items.setdefault(row.frame.id, item)
        self._last = max(self._last, row.position)
        if row.state == "failed":
            item.delivery, item.error = Delivery.FAILED, SetupError(row.problem)
            item.done.set()
        return item

    def has_any(self, room: RoomId) -> bool:
        """Say whether the room has outgoing requests."""
        return any(item.frame.room == room for item in self._items.values())

    async def put(self, frames: Sequence[DurableRequest], also: AlsoWrite | None = None) -> Sequence[Item]:
        """Queue requests of one room; they are on disk when this returns.

        ``also`` writes in the same transaction. Raises LostError for a request about a message that the
        server no longer has.
        """
        at, room = self._clock.now(), frames[0].room
        for frame in frames:
            target = frame.reply_to if isinstance(frame, Send) else frame.target
            self._numbers.require_there(room, target)
        rows = await self._archive.write_durably(outbox_table.put, room, frames, at, also)
        items = [
            Item(row.position, frame, at, Delivery.QUEUED) for row, frame in zip(rows, frames, strict=True)
        ]
        self._last = items[-1].position
        for item in items:
            self._queue(item)
            if isinstance(item.frame, Send):
                self._emit(EntryAdded(item.message(item.frame, self._account)))
        return items

    async def say(self, room: RoomId, content: AnyContent) -> None:
        """Send an encrypted room something other than a message, behind what is queued, and wait for it.

        It is not kept. Raises UnreachableError if the connection ends first, and why it is not sent.
        """
        if self._send is None:
            raise UnreachableError(
                _("There is no connection to the server right now."), _("Try again when it is back.")
            )
        frame = SendContent(new_request_id(), room, content)
        item = Item(self._last, frame, self._clock.now(), Delivery.QUEUED)
        self._queue(item)
        await item.done.wait()
        if item.error is not None:
            raise item.error

    def rows(self, items: Iterable[Item]) -> Sequence[Entry]:
        """Return the rows of messages as a timeline shows them."""
        return [item.message(item.frame, self._account) for item in items if isinstance(item.frame, Send)]

    def unsent(self, room: RoomId) -> Sequence[Item]:
        """Return the messages of a room whose events are not here yet, in order."""
        return [
            item for item in self._items.values() if item.frame.room == room and isinstance(item.frame, Send)
        ]

    def outgoing(self) -> Sequence[Outgoing]:
        """Return all requests whose event is not here yet, in order, as a view shows them."""
        shown = (item.outgoing(self._account) for item in self._items.values())
        return [row for row in shown if row is not None]

    def has_outcome(self, request: RequestId) -> bool:
        """Say whether it is known what became of a request."""
        item = self._items.get(request) or self._finished.get(request)
        return item is None or item.done.is_set()

    async def outcome(self, request: RequestId) -> StoredAt:
        """Wait until the server has stored it. Raises why it has not."""
        item = self._items.get(request) or self._finished.get(request)
        if item is None:
            raise SetupError(_("No such message is on its way."))
        await item.done.wait()
        if item.stored is None:
            raise item.error or StoppedError(_("The message was cancelled."))
        return item.stored

    async def retry(self, request: RequestId) -> None:
        """Send a failed request again, at its old place in the queue."""
        item = self._items.get(request)
        if item is None or item.delivery is not Delivery.FAILED:
            raise SetupError(_("Only a message that failed can be sent again."))
        item.error, item.tries, item.delivery = None, 0, Delivery.QUEUED
        item.done.clear()
        await self._archive.write(outbox_table.set_state, request, "queued")
        self._report(item)
        self._queue(item)

    async def cancel(self, request: RequestId) -> None:
        """Cancel a request that is not being sent."""
        item = self._items.get(request)
        if item is None or item.delivery not in {Delivery.QUEUED, Delivery.FAILED}:
            raise SetupError(_("The message is already on its way."), _("Delete it when it has arrived."))
        await self._forget(item)
        self._report(item, removed=True)

    async def abandon(self, requests: Sequence[RequestId]) -> None:
        """Delete these requests, whatever their state."""
        for item in [self._items[request] for request in requests if request in self._items]:
            await self._forget(item)

    # what the sender calls
    def begin(self, send: Callable[[Item], None]) -> Sequence[Item]:
        """Call ``send`` with each request that is queued, until ``end``; returns those that wait already.

        Requests that were in transit are among them.
        """
        self._send = send
        waiting = [item for item in self._items.values() if item.delivery in {Delivery.SENT, Delivery.QUEUED}]
        for item in waiting:
            item.delivery = Delivery.QUEUED
        return waiting

    def end(self) -> None:
        """Keep what is queued: there is no connection.

        Callers of ``say`` get an error. What was in transit is sent again all the same, so that its number
        in the room does not stay open.
        """
        self._send = None
        for item in [item for item in self._items.values() if isinstance(item.frame, SendContent)]:
            item.error = UnreachableError(_("The connection was lost before the server answered."))
            item.done.set()
            if item.delivery is Delivery.QUEUED:
                self._finish(item)

    def goes(self, item: Item) -> None:
        """Note that a request is being sent now."""
        item.delivery, item.waits, item.left = Delivery.SENT, None, True
        self._report(item)

    def waits(self, item: Item, why: ParlourClientError | None) -> bool:
        """Note that a request is held. False if it was taken back or has arrived meanwhile: drop it."""
        if item.request not in self._items:
            return False
        changed = item.delivery is not Delivery.QUEUED or str(item.waits) != str(why)
        item.delivery, item.waits = Delivery.QUEUED, why
        if changed:
            self._report(item)
        return True

    def stored(self, item: Item, stored: StoredAt, redacted: str = "") -> None:
        """Note that the server has stored a request, without what is ``redacted``."""
        if item.request in self._items:
            self._stored(item, stored)
        if redacted:
            words = _("The server changed what you sent: {redacted}.").format(redacted=quoted(redacted))
            self._emit(TextInspected(stored.room, words))

    def failed(self, item: Item, error: ParlourClientError) -> None:
        """Note that a request was refused."""
        if item.request in self._items:
            self._failed(item, error)

    def failed_without_parent(self, item: Item, frame: Send) -> None:
        """Note that the message that this one replies to is gone. Sent again, it goes without the quote."""
        item.frame = structs.replace(frame, reply_to=None)
        self._keep(self._archive.submit_write(outbox_table.change, item.frame))
        self.failed(item, ParentGoneError(ErrorCode.MESSAGE_GONE))

    def arrived(self, request: RequestId | None, event: LogEvent) -> RequestId | None:
        """Drop the request whose event is in the archive, and return it: it is a row of the timeline.

        ``request`` is the one that the archive knows: none if another program of this home stored the event.
        None: another program or device sent it, so that it has no row here.
        """
        if request is None and event.author == self._account.user:
            request = self._stored_at.get((event.room, event.seq))
        if request is None:
            return None
        item = self._items.get(request)
        if item is not None:
            item.delivery = Delivery.STORED  # a lane that holds it drops it
            item.stored = item.stored or StoredAt(room=event.room, seq=event.seq, at=event.at)
            self._finish(item)
        return request if request in self._finished else None

    def expired(self, event: MissingEvents) -> None:
        """Drop the requests that were stored at these places: their events expired before they came here."""
        horizon = Expiry(event.days, self._clock.now()).horizon
        there = [item for item in self._items.values() if item.is_at(event.room, event.first, event.seq)]
        for item in [item for item in there if item.at <= horizon]:
            self._finish(item)
            self._report(item, removed=True)

    def denied(self, request: RequestId) -> None:
        """Note that the server shows something else where it said that an encrypted request is stored."""
        item = self._items.get(request)
        if item is None:
            self._keep(asyncio.ensure_future(self._denied_later(request)))
        elif item.stored is not None:
            self._stored_at.pop((item.stored.room, item.stored.seq), None)
            item.stored = None
            self._failed(item, ServerMisbehavedError(DENIED, _("Send it again, or keep its text.")))

    async def _denied_later(self, request: RequestId) -> None:
        """Show a message as failed that was stored, as an earlier run believed."""
        for row in await self._archive.read(outbox_table.load):
            if row.frame.id == request and request not in self._items and (item := self._adopt(row)):
                self._report(item)

    async def flush(self) -> None:
        """Wait until all answers are written, and the views are notified."""
        self._acknowledge_sent()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _stored(self, item: Item, stored: StoredAt) -> None:
        item.stored, item.delivery = stored, Delivery.STORED
        self._stored_at[stored.room, stored.seq] = item.request
        if isinstance(item.frame, SendContent):
            self._finish(item)
        elif self._follow:
            written = self._archive.submit_write(
                outbox_table.acknowledge, item.request, stored.room, stored.seq
            )
            written.add_done_callback(partial(self._acknowledged, item))
            self._keep(written)
            item.done.set()
        else:
            self._finish(item)
            if isinstance(item.frame, Send):  # what this device sent stays known, even if the server loses it
                self._places.append((item.request, stored.room, stored.seq))
                if len(self._places) == 1:
                    self._clock.call_later(_TOGETHER_SECONDS, self._acknowledge_sent)
            else:
                self._keep(self._archive.submit_write(outbox_table.remove, item.request))

    def _acknowledge_sent(self) -> None:
        if self._places:
            self._keep(self._archive.submit_write(outbox_table.acknowledge_sent, tuple(self._places)))
            self._places.clear()

    def _acknowledged(self, item: Item, written: "asyncio.Future[Place]") -> None:
        if written.cancelled() or written.exception() is not None:
            return  # it stays in the outbox and is sent again: the server knows its id
        if written.result() is Place.DENIED:
            self.denied(item.request)
        if written.result() is Place.HERE and item.request in self._items:  # the event came before the answer
            self._finish(item)
            self._report(item, removed=True)

    def _failed(self, item: Item, error: ParlourClientError) -> None:
        item.error, item.delivery, item.waits = error, Delivery.FAILED, None
        item.done.set()
        if isinstance(item.frame, Send):
            self._keep(self._archive.submit_write(outbox_table.set_state, item.request, "failed", str(error)))
        else:  # nothing else has a row of its own to be retried from
            self._finish(item)
            self._keep(self._archive.submit_write(outbox_table.remove, item.request))
        self._report(item)

    def _queue(self, item: Item) -> None:
        self._items[item.request] = item
        if self._send is not None:
            self._send(item)

    async def _forget(self, item: Item) -> None:
        item.delivery = Delivery.FAILED  # a lane that holds it drops it
        self._finish(item)
        await self._archive.write(outbox_table.take_back, item.request, left=item.left)

    def _finish(self, item: Item) -> None:
        self._items.pop(item.request, None)
        if item.stored is not None:
            self._stored_at.pop((item.stored.room, item.stored.seq), None)
        self._finished[item.request] = item
        while len(self._finished) > _REMEMBERED:
            self._finished.popitem(last=False)
        item.done.set()

    def _keep(self, task: "asyncio.Future[Place] | asyncio.Future[None]") -> None:
        self._tasks.add(task)  # type: ignore[arg-type]
        task.add_done_callback(self._tasks.discard)

    def _report(self, item: Item, *, removed: bool = False) -> None:
        """Notify the views of a request's state.

        An edit, a deletion, a reaction or a pin has no row of its own: its problem is shown at the message
        that it is about.
        """
        frame = item.frame
        if isinstance(frame, SendContent):
            return
        if not isinstance(frame, Send):
            if item.error is not None:
                self._keep(asyncio.ensure_future(self._report_problem(frame.room, frame.target, item.error)))
        elif removed:
            self._emit(EntryRemoved(frame.room, item.request))
        else:
            self._emit(EntryChanged(item.message(frame, self._account)))

    async def _report_problem(self, room: RoomId, target: Seq, error: ParlourClientError) -> None:
        for entry in await self._archive.read(events.shown, room, [target]):
            self._emit(EntryChanged(replace(entry, problem=error.whole)))
