"""The outbox: every message is on disk before it is sent, and goes out in order until the server has it.

queued -> sent -> stored, or failed with a reason. A request keeps its id for ever, so sending it again after
a drop or a crash stores it once. ``turns`` says which one goes; what goes to an encrypted room has a lane of
its own. The client owns one outbox; nothing else sends what lasts.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Final

from parlour_client.core.archive import Archive
from parlour_client.core.archive.outbox_table import DENIED, Place
from parlour_client.core.clock import Clock
from parlour_client.core.errors import (
    ParlourClientError,
    RefusedError,
    ServerMisbehavedError,
    SetupError,
    StoppedError,
)
from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import Item, LaneLike, Lasting, MakeLane, Prepare, StoredAt, Tell, at_of
from parlour_client.core.outbox.send_scheduler import Turns
from parlour_client.core.transport.conversation import Conversation
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, LogEvent, Ok
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Send
from parlour_protocol.ids import RequestId, RoomId

MAX_TRIES: Final = 5
"""How often a server that cannot store is asked again before the person is."""
_REMEMBERED: Final = 4_096
_A_MOMENT: Final = 1.0


class Outbox:
    """The queue, and what is known of each request in it."""

    def __init__(
        self,
        archive: Archive,
        clock: Clock,
        tell: Tell,
        *,
        follow: bool = True,
        lanes: MakeLane | None = None,
        prepare: Prepare = lambda _: None,
    ) -> None:
        """Begin empty; ``load`` brings what an earlier run left.

        With ``follow`` a stored message stays here until its event comes; without, nothing waits for it.
        ``lanes`` makes the way for what goes to an encrypted room, and gives None for an open one;
        ``prepare`` is asked where nothing else of the room waits.
        """
        self._prepare = prepare
        self._follow = follow
        self._make_lane = lanes
        self._lanes: dict[RoomId, tuple[LaneLike, asyncio.Future[None]]] = {}
        self._archive = archive
        self._clock = clock
        self._tell = tell
        self._items: OrderedDict[RequestId, Item] = OrderedDict()
        self._finished: OrderedDict[RequestId, Item] = OrderedDict()
        self._wake = asyncio.Event()
        self._turns = Turns(clock, self._wake.set)
        self._writes: set[asyncio.Future[object]] = set()

    async def load(self) -> None:
        """Adopt what earlier programs on this home left unsent."""
        for row in await self._archive.outgoing():
            if isinstance(row.frame, Lasting) and row.state != "stored":
                self._items.setdefault(
                    row.frame.id, item := Item(row.position, row.frame, row.at, Delivery.QUEUED, left=True)
                )
                if row.state == "failed":
                    item.delivery, item.error = Delivery.FAILED, SetupError(row.problem)
                    item.done.set()
                else:
                    self._turns.put(item)

    async def put(self, frames: Sequence[Lasting]) -> Sequence[Item]:
        """Queue requests of one room; they are on disk when this returns."""
        at, room = self._clock.now(), frames[0].room
        is_first = not any(item.frame.room == room for item in self._items.values())
        rows = await self._archive.put(room, frames, at, self._prepare(frames) if is_first else None)
        items = [
            Item(row.position, frame, at, Delivery.QUEUED) for row, frame in zip(rows, frames, strict=True)
        ]
        for item in items:
            self._items[item.request] = item
            self._turns.put(item)
        return items

    def unsent(self, room: RoomId) -> Sequence[Item]:
        """Return the messages of a room whose events are not here yet, in order."""
        return [
            item for item in self._items.values() if item.frame.room == room and isinstance(item.frame, Send)
        ]

    def waiting(self) -> Sequence[Item]:
        """Return everything whose event is not here yet, in order."""
        return list(self._items.values())

    async def outcome(self, request: RequestId) -> StoredAt:
        """Wait until the server has it on its disk. Raises why it has not."""
        item = self._items.get(request) or self._finished.get(request)
        if item is None:
            raise SetupError("There is no such message on its way.")
        await item.done.wait()
        if item.stored is None:
            raise item.error or StoppedError("The message was cancelled.")
        return item.stored

    async def retry(self, request: RequestId) -> None:
        """Send a failed request again, at its old place in the queue."""
        item = self._items.get(request)
        if item is None or item.delivery is not Delivery.FAILED:
            raise SetupError("Only a message that failed can be sent again.")
        item.error, item.tries, item.delivery = None, 0, Delivery.QUEUED
        item.done.clear()
        await self._archive.set_outgoing(request, "queued")
        self._tell(item, False)
        self._turns.put(item)

    async def cancel(self, request: RequestId) -> None:
        """Take back what is not on its way."""
        item = self._items.get(request)
        if item is None or item.delivery not in {Delivery.QUEUED, Delivery.FAILED}:
            raise SetupError("The message is on its way already.", "Delete it when it has arrived.")
        await self._forget(item)
        self._tell(item, True)

    async def abandon(self, requests: Sequence[RequestId]) -> None:
        """Forget these, however far they are."""
        for item in [self._items[request] for request in requests if request in self._items]:
            await self._forget(item)

    async def run(self, conversation: Conversation) -> None:
        """Send in order while the conversation lasts. What was on its way before is sent again."""
        self._turns = Turns(self._clock, self._wake.set)  # also of what a lane of the last conversation held
        for known in self._items.values():
            if known.delivery in {Delivery.SENT, Delivery.QUEUED}:
                known.delivery = Delivery.QUEUED
                self._turns.put(known)
        try:
            while True:
                self._wake.clear()
                while (item := self._turns.take()) is not None:
                    if (lane := self._lane(item.frame.room, conversation)) is not None:
                        lane.put(item)  # nothing readable goes to an encrypted room
                        self._turns.free(item.frame.room)
                        continue
                    self.goes(item)
                    await conversation.ask(item.frame, partial(self._answered, item))
                await self._wake.wait()
                self._look_after_lanes()
        finally:
            running = [task for _, task in self._lanes.values()]
            self._lanes.clear()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    # what lanes tell
    def goes(self, item: Item) -> None:
        """Hear that a request leaves now."""
        item.delivery, item.waits, item.left = Delivery.SENT, None, True
        self._tell(item, False)

    def waits(self, item: Item, why: ParlourClientError | None) -> None:
        """Hear that a request is held."""
        changed = item.delivery is not Delivery.QUEUED or str(item.waits) != str(why)
        item.delivery, item.waits = Delivery.QUEUED, why
        if changed:
            self._tell(item, False)

    def stored(self, item: Item, stored: StoredAt) -> None:
        """Hear that the server has a request on its disk."""
        if item.request in self._items:
            self._stored(item, stored)

    def failed(self, item: Item, error: ParlourClientError) -> None:
        """Hear that a request was refused."""
        if item.request in self._items:
            self._failed(item, error)

    def arrived(self, request: RequestId, event: LogEvent) -> bool:
        """Let a request go: its event is in the archive and stands in the timeline by itself.

        False: another program of this home sent it, so that no row stands for it here.
        """
        item = self._items.get(request)
        if item is not None:
            item.delivery = Delivery.STORED  # whoever holds it lets it go
            item.stored = item.stored or StoredAt(room=event.room, seq=event.seq, at=event.at)
            self._finish(item)
        return request in self._finished

    def denied(self, request: RequestId) -> None:
        """Hear that the server shows something else where it said that a sealed request is stored."""
        item = self._items.get(request)
        if item is not None and item.stored is not None:
            item.stored = None
            self._failed(item, ServerMisbehavedError(DENIED, "Send it again, or keep its text."))

    async def flush(self) -> None:
        """Wait until what was answered is written."""
        while self._writes:
            await asyncio.gather(*self._writes, return_exceptions=True)

    def _lane(self, room: RoomId, conversation: Conversation) -> LaneLike | None:
        if room in self._lanes:
            return self._lanes[room][0]
        lane = self._make_lane(room, conversation) if self._make_lane is not None else None
        if lane is not None:
            task = asyncio.ensure_future(lane.run())
            task.add_done_callback(lambda _: self._wake.set())
            self._lanes[room] = (lane, task)
        return lane

    def _look_after_lanes(self) -> None:
        """Raise why a lane ended: only a broken connection or archive ends one."""
        for _, task in self._lanes.values():
            if task.done():
                task.result()

    def _answered(self, item: Item, reply: Ok | Error) -> None:
        if isinstance(reply, Error):
            self._refused(item, reply)
        elif isinstance(reply.result, Stored):
            self._stored(item, at_of(reply.result))
        else:
            self._failed(item, RefusedError(ErrorCode.MALFORMED))
        self._turns.free(item.frame.room)

    def _stored(self, item: Item, stored: StoredAt) -> None:
        item.stored, item.delivery = stored, Delivery.STORED
        if self._follow:
            written = self._archive.acknowledge(item.request, stored.room, stored.seq)
            written.add_done_callback(partial(self._acknowledged, item))
            self._keep(written)
            item.done.set()
        else:
            self._finish(item)
            if isinstance(item.frame, Send):  # what this device said stays known, if the server loses it
                self._keep(self._archive.acknowledge(item.request, stored.room, stored.seq, bounded=True))
            else:
                self._keep(asyncio.ensure_future(self._archive.drop(item.request)))

    def _acknowledged(self, item: Item, written: "asyncio.Future[Place]") -> None:
        if written.cancelled() or written.exception() is not None:
            return  # it stays in the outbox and is sent again: the server knows its id
        if written.result() is Place.DENIED:
            self.denied(item.request)
        if written.result() is Place.HERE and item.request in self._items:  # the event overtook the answer
            self._finish(item)
            self._tell(item, True)

    def _refused(self, item: Item, reply: Error) -> None:
        item.tries += 1
        match reply.code:
            case ErrorCode.RATE_LIMITED:
                self._turns.slow_down()
                self._again(item, (reply.retry_after or 1_000) / 1_000)
            case ErrorCode.TOO_MANY_IN_FLIGHT:
                self._again(item, _A_MOMENT)
            case ErrorCode.ENCRYPTED if item.tries < MAX_TRIES:  # since now: it goes by a lane next
                self._again(item, _A_MOMENT)
            case ErrorCode.UNAVAILABLE if item.tries < MAX_TRIES:
                self._turns.slow_down()
                self._again(item, _A_MOMENT * item.tries)
            case _:
                self._failed(item, RefusedError(reply.code, reply.hint, retry_after=reply.retry_after))

    def _again(self, item: Item, seconds: float) -> None:
        item.delivery = Delivery.QUEUED
        self._turns.put(item)
        self._turns.hold(seconds)
        self._tell(item, False)

    def _failed(self, item: Item, error: ParlourClientError) -> None:
        item.error, item.delivery, item.waits = error, Delivery.FAILED, None
        item.done.set()
        if isinstance(item.frame, Send):
            self._keep(asyncio.ensure_future(self._archive.set_outgoing(item.request, "failed", str(error))))
        else:  # an edit, a deletion, a reaction has no row of its own to be retried from
            self._finish(item)
            self._keep(asyncio.ensure_future(self._archive.drop(item.request)))
        self._tell(item, False)

    async def _forget(self, item: Item) -> None:
        item.delivery = Delivery.FAILED  # a lane that holds it lets it go
        self._finish(item)
        await self._archive.take_back(item.request, left=item.left)

    def _finish(self, item: Item) -> None:
        self._items.pop(item.request, None)
        self._finished[item.request] = item
        while len(self._finished) > _REMEMBERED:
            self._finished.popitem(last=False)
        item.done.set()

    def _keep(self, write: "asyncio.Future[object] | asyncio.Future[Place] | asyncio.Future[None]") -> None:
        self._writes.add(write)  # type: ignore[arg-type]
        write.add_done_callback(self._writes.discard)
