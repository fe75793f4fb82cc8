"""The outbox: every message is on disk before it is sent, and is sent in order until the server has it.

queued -> sent -> stored, or failed with a reason. A request keeps its id for ever, so sending it again after
a drop or a crash stores it once. ``SendScheduler`` picks the next one; each encrypted room has a queue of its
own. Nothing else sends durable requests.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from msgspec import structs

from parlour_client.core.archive import Archive, events, outbox_table
from parlour_client.core.archive.outbox_table import DENIED, AlsoWrite, Place
from parlour_client.core.errors import ChatRefusedError, ParentGoneError
from parlour_client.core.events import Emit, EntryAdded, EntryChanged, EntryRemoved, TextInspected
from parlour_client.core.model import Delivery, Entry, Outgoing
from parlour_client.core.outbox.item import DurableRequest, Item, StoredAt, at_of
from parlour_client.core.outbox.room_queue import RoomQueue, StartSender
from parlour_client.core.outbox.send_scheduler import SendScheduler
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import MissingEvents
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import (
    ParlourClientError,
    ServerMisbehavedError,
    SetupError,
    StoppedError,
    quoted,
)
from parlour_client.kit.language import _
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, LogEvent, Ok
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq

MAX_TRIES: Final = 5
"""How often a request is repeated while the server cannot store it, before the person is asked."""
_REMEMBERED: Final = 4_096
_A_MOMENT: Final = 1.0


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
        self._room_queues: dict[RoomId, tuple[RoomQueue, asyncio.Future[object]]] = {}
        self._items: OrderedDict[RequestId, Item] = OrderedDict()
        self._finished: OrderedDict[RequestId, Item] = OrderedDict()
        self._wake = asyncio.Event()
        self._scheduler = SendScheduler(clock, self._wake.set)
        self._tasks: set[asyncio.Future[object]] = set()
        """Writes to the archive, and reads for the views, that are under way."""

    async def load(self) -> None:
        """Adopt requests that earlier programs on this home left unsent."""
        for row in await self._archive.read(outbox_table.load):
            if row.state != "stored" and (item := self._adopt(row)) and item.delivery is Delivery.QUEUED:
                self._scheduler.put(item)

    def _adopt(self, row: outbox_table.Outgoing) -> Item | None:
        if not isinstance(row.frame, DurableRequest):
            return None
        item = Item(row.position, row.frame, row.at, Delivery.QUEUED, left=True)
        self._items.setdefault(row.frame.id, item)
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
        for item in items:
            self._items[item.request] = item
            self._scheduler.put(item)
            if isinstance(item.frame, Send):
                self._emit(EntryAdded(item.message(item.frame, self._account)))
        return items

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
        return [item.outgoing(self._account) for item in self._items.values()]

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
        self._scheduler.put(item)

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

    async def run(self, conversation: ChatConversation, start_sender: StartSender) -> None:
        """Send in order while the conversation lasts. Requests that were in transit before are sent again.

        Requests to an encrypted room go into the queue that ``start_sender`` returns.
        """
        self._scheduler = SendScheduler(self._clock, self._wake.set)  # also requests that a room's queue held
        for known in self._items.values():
            if known.delivery in {Delivery.SENT, Delivery.QUEUED}:
                known.delivery = Delivery.QUEUED
                self._scheduler.put(known)
        try:
            while True:
                self._wake.clear()
                while (item := self._scheduler.take()) is not None:
                    room = item.frame.room
                    if (queue := self._room_queue(room, conversation, start_sender)) is not None:
                        queue.put(item)  # no plaintext goes to an encrypted room
                        self._scheduler.free(room)
                        continue
                    self.goes(item)
                    await conversation.ask(item.frame, partial(self._answered, item))
                await self._wake.wait()
                self._check_room_queues()
        finally:
            running = [task for _, task in self._room_queues.values()]
            self._room_queues.clear()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    # what room queues report
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

    def stored(self, item: Item, stored: StoredAt) -> None:
        """Note that the server has stored a request."""
        if item.request in self._items:
            self._stored(item, stored)

    def failed(self, item: Item, error: ParlourClientError) -> None:
        """Note that a request was refused."""
        if item.request in self._items:
            self._failed(item, error)

    def arrived(self, request: RequestId | None, event: LogEvent) -> RequestId | None:
        """Drop the request whose event is in the archive, and return it: it is a row of the timeline.

        ``request`` is the one that the archive knows: none if another program of this home stored the event.
        None: another program or device sent it, so that it has no row here.
        """
        if request is None and event.author == self._account.user:
            here = (item for item in self._items.values() if item.is_at(event.room, event.seq, event.seq))
            request = next((item.request for item in here), None)
        if request is None:
            return None
        item = self._items.get(request)
        if item is not None:
            item.delivery = Delivery.STORED  # a room's queue that holds it drops it
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
            item.stored = None
            self._failed(item, ServerMisbehavedError(DENIED, _("Send it again, or keep its text.")))

    async def _denied_later(self, request: RequestId) -> None:
        """Show a message as failed that was stored, as an earlier run believed."""
        for row in await self._archive.read(outbox_table.load):
            if row.frame.id == request and request not in self._items and (item := self._adopt(row)):
                self._report(item)

    async def flush(self) -> None:
        """Wait until all answers are written, and the views are notified."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _room_queue(
        self, room: RoomId, conversation: ChatConversation, start_sender: StartSender
    ) -> RoomQueue | None:
        if room in self._room_queues:
            return self._room_queues[room][0]
        started = start_sender(room, conversation)
        if started is None:
            return None
        queue, sending = started
        task = asyncio.ensure_future(sending)
        task.add_done_callback(lambda _: self._wake.set())
        self._room_queues[room] = (queue, task)
        return queue

    def _check_room_queues(self) -> None:
        """Raise why a room's queue ended: only a broken connection or archive ends one."""
        for _queue, task in self._room_queues.values():
            if task.done():
                task.result()

    def _answered(self, item: Item, reply: Ok | Error) -> None:
        if isinstance(reply, Error):
            if item.request in self._items:  # else it was taken back meanwhile
                self._refused(item, reply)
        elif isinstance(reply.result, Stored):
            self._stored(item, at_of(reply.result))
            if reply.redacted:
                words = _("The server changed what you sent: {redacted}.").format(
                    redacted=quoted(reply.redacted)
                )
                self._emit(TextInspected(item.frame.room, words))
        else:
            self._failed(item, ChatRefusedError(ErrorCode.MALFORMED))
        self._scheduler.free(item.frame.room)

    def _stored(self, item: Item, stored: StoredAt) -> None:
        item.stored, item.delivery = stored, Delivery.STORED
        if self._follow:
            written = self._archive.submit_write(
                outbox_table.acknowledge, item.request, stored.room, stored.seq
            )
            written.add_done_callback(partial(self._acknowledged, item))
            self._keep(written)
            item.done.set()
        else:
            self._finish(item)
            if isinstance(item.frame, Send):  # what this device sent stays known, even if the server loses it
                self._keep(
                    self._archive.submit_write(
                        outbox_table.acknowledge, item.request, stored.room, stored.seq, bounded=True
                    )
                )
            else:
                self._keep(self._archive.submit_write(outbox_table.remove, item.request))

    def _acknowledged(self, item: Item, written: "asyncio.Future[Place]") -> None:
        if written.cancelled() or written.exception() is not None:
            return  # it stays in the outbox and is sent again: the server knows its id
        if written.result() is Place.DENIED:
            self.denied(item.request)
        if written.result() is Place.HERE and item.request in self._items:  # the event came before the answer
            self._finish(item)
            self._report(item, removed=True)

    def _refused(self, item: Item, reply: Error) -> None:
        item.tries += 1
        error = ChatRefusedError(reply.code, reply.hint, retry_after=reply.retry_after)
        match reply.code:
            case ErrorCode.RATE_LIMITED:
                self._scheduler.slow_down()
                self._again(item, error, (reply.retry_after or 1_000) / 1_000)
            case ErrorCode.TOO_MANY_IN_FLIGHT:
                self._again(item, error, _A_MOMENT)
            case ErrorCode.ENCRYPTED if item.tries < MAX_TRIES:  # just now: it goes to a room's queue next
                self._again(item, error, _A_MOMENT)
            case ErrorCode.UNAVAILABLE if item.tries < MAX_TRIES:
                self._scheduler.slow_down()
                self._again(item, error, _A_MOMENT * item.tries)
            case ErrorCode.MESSAGE_GONE if isinstance(item.frame, Send) and item.frame.reply_to is not None:
                self._failed_without_parent(item)
            case _:
                self._failed(item, error)

    def _again(self, item: Item, why: ParlourClientError, seconds: float) -> None:
        item.delivery, item.waits = Delivery.QUEUED, why
        self._scheduler.put(item)
        self._scheduler.hold(seconds)
        self._report(item)

    def _failed(self, item: Item, error: ParlourClientError) -> None:
        item.error, item.delivery, item.waits = error, Delivery.FAILED, None
        item.done.set()
        if isinstance(item.frame, Send):
            self._keep(self._archive.submit_write(outbox_table.set_state, item.request, "failed", str(error)))
        else:  # an edit, a deletion, a reaction has no row of its own to be retried from
            self._finish(item)
            self._keep(self._archive.submit_write(outbox_table.remove, item.request))
        self._report(item)

    def _failed_without_parent(self, item: Item) -> None:
        """Note that the message that this one replies to is gone. Sent again, it goes without the quote."""
        item.frame = structs.replace(item.frame, reply_to=None)
        self._keep(self._archive.submit_write(outbox_table.change, item.frame))
        self._failed(item, ParentGoneError(ErrorCode.MESSAGE_GONE))

    async def _forget(self, item: Item) -> None:
        item.delivery = Delivery.FAILED  # a room's queue that holds it drops it
        self._finish(item)
        await self._archive.write(outbox_table.take_back, item.request, left=item.left)

    def _finish(self, item: Item) -> None:
        self._items.pop(item.request, None)
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
