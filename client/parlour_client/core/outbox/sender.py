"""Sends the outbox's requests over one connection: a lane for each room, and each lane in order.

A request is sent when the server has answered the one before it in its room, so that none overtakes another
that the server delayed: a sent request can't be recalled. Rooms do not wait for each other, but all wait
after a refusal for speed, since the server counts them together.

What goes to an encrypted room is encrypted in its lane just before it is sent, a few requests at a time. One
that arrived too late for its epoch is encrypted again under the same id when the room has caught up; a
pending removal is committed at once. One that can't be encrypted now is held in its place with the reason; a
program that only sends reports the reason instead.
"""

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.e2ee.errors import ArrivedError, NotReadyError
from parlour_client.core.e2ee.group.contents import SendContent
from parlour_client.core.e2ee.messages.outgoing import AT_ONCE, Encrypted
from parlour_client.core.errors import ChatRefusedError, EncryptionError
from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import DurableRequest, Item, StoredAt, at_of
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, Ok
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Send, SendEncrypted
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId

WINDOW: Final = 32
"""Rooms with an unanswered request at a time: other requests get half the slots."""
MAX_TRIES: Final = 5
"""How often a request is repeated while the server cannot store it, before the person is asked."""
_MOST_EPOCHS: Final = 20
"""How often it is encrypted again for a room whose keys keep changing."""
_A_MOMENT: Final = 1.0
_LOOK_AGAIN: Final = 15.0
"""Seconds after which a held room is checked again, if nothing changed before."""
_PATIENCE: Final = 20.0
"""Seconds that a program which only sends waits for a room to become ready."""
_UNDER_WAY_SECONDS: Final = 60.0
"""Seconds that it waits for requests in transit. It is long for slow machines: each has its own limit."""
SAY_SECONDS: Final = 5.0
"""Seconds after which a message that still waits for its room has a reason."""
_NOT_SENT: Final = N_(
    "It was not sent. Send it again later, or from the chat, which sends it as soon as it can."
)
_UNDER_WAY: Final = N_("This room's messages and keys are still being compared with the server's.")


class Pace:
    """How many rooms may have an unanswered request at a time, the oldest request first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._window = WINDOW
        self._going = 0
        self._holds = 0
        self._changes = 0
        """How often all rooms were stopped, or went on."""
        self._waiting: list[tuple[int, RequestId, asyncio.Future[None]]] = []

    async def enter(self, item: Item) -> bool:
        """Wait until a request may be sent; ``leave`` once it was answered.

        False: all rooms had to wait meanwhile, so that its room may be in another state by now.
        """
        before = self._changes
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (item.position, item.request, turn))
        self._next()
        await turn
        return self._changes == before

    def leave(self) -> None:
        """Let another room send."""
        self._going -= 1
        if not self._going and not self._waiting:
            self._window = WINDOW  # nothing waits: the server keeps up again
        self._next()

    def hold(self, seconds: float) -> None:
        """Send nothing for so many seconds."""
        self._holds += 1
        self._changes += 1
        self._clock.call_later(seconds, self._go_on)

    def slow_down(self) -> None:
        """Send one at a time, until nothing waits any more."""
        self._window = 1

    def _go_on(self) -> None:
        self._holds -= 1
        self._changes += 1
        self._next()

    def _next(self) -> None:
        while self._waiting and not self._holds and self._going < self._window:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():  # else its lane was stopped: a pause may end after the connection
                self._going += 1
                turn.set_result(None)


@dataclass(slots=True)
class Lane:
    """The requests of one room that are to be sent, in the order of the outbox."""

    room: RoomId
    waiting: list[tuple[int, RequestId, Item]] = field(default_factory=list)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the next ``put``."""
    pause: float = 0.0
    """Seconds that only this room waits before its next request."""
    held: float = 0.0
    """Seconds for which the first of them is held."""

    def put(self, item: Item) -> None:
        """Queue a request at its place."""
        heapq.heappush(self.waiting, (item.position, item.request, item))
        self.filled.set()

    def take(self, most: int) -> list[Item]:
        """Take the next requests out; those that were cancelled meanwhile are dropped."""
        batch: list[Item] = []
        while self.waiting and len(batch) < most:
            _, _, item = heapq.heappop(self.waiting)
            if item.delivery is Delivery.QUEUED and item not in batch:
                batch.append(item)
        return batch


class Sender:
    """The lanes of one connection, each while it has requests."""

    def __init__(
        self, outbox: Outbox, e2ee: E2ee, conversation: ChatConversation, clock: Clock, *, follow: bool
    ) -> None:
        """Send over ``conversation``; without ``follow`` messages are not held for long."""
        self._outbox = outbox
        self._e2ee = e2ee
        self._conversation = conversation
        self._clock = clock
        self._follow = follow
        self._pace = Pace(clock)
        self._lanes: dict[RoomId, Lane] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Send until cancelled, first what was not answered before. Raises UnreachableError, ArchiveError."""
        for item in self._outbox.begin(self._put):
            self._put(item)
        try:
            await self._broken
        finally:
            self._outbox.end()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _put(self, item: Item) -> None:
        room = item.frame.room
        lane = self._lanes.get(room)
        if lane is None:
            lane = self._lanes[room] = Lane(room)
            task = asyncio.ensure_future(self._run(lane))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        lane.put(item)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)

    async def _run(self, lane: Lane) -> None:
        """Send until nothing waits in a lane."""
        while lane.waiting:
            if lane.pause:
                await self._clock.sleep(lane.pause)
                lane.pause = 0.0
            encrypts = self._e2ee.covers(lane.room)  # no plaintext goes to an encrypted room
            batch = lane.take(AT_ONCE if encrypts else 1)
            plain = [item.frame for item in batch if not isinstance(item.frame, SendContent)]
            if encrypts or len(plain) < len(batch):
                await self._encrypt_and_send(lane, batch)
            else:
                await self._send(lane, batch, plain, encrypts=False)
        del self._lanes[lane.room]

    async def _encrypt_and_send(self, lane: Lane, batch: Sequence[Item]) -> None:
        if not batch:
            return
        moved, began = self._e2ee.next_change(), self._clock.now()
        timer = self._clock.call_later(SAY_SECONDS, partial(self._say, batch))
        try:
            encrypted = await self._encrypted(lane, batch)
        except ParlourClientError as error:
            if error.stops:
                raise
            await self._hold(lane, batch, error, moved)
            lane.held += max(0.001, (self._clock.now() - began) / 1_000)
        else:
            lane.held = 0.0
            await self._send(lane, batch, encrypted, encrypts=True)
        finally:
            timer.cancel()

    def _say(self, batch: Sequence[Item]) -> None:
        """Tell why these are not sent yet, unless it is known: the room is still being made ready."""
        for item in batch:
            if item.waits is None and item.delivery is Delivery.QUEUED:
                self._outbox.waits(item, self._why(NotReadyError(_(_UNDER_WAY))))

    def _why(self, error: ParlourClientError) -> ParlourClientError:
        """Return why a message waits; one of a program that only sends is not sent later by itself."""
        return error if self._follow else NotReadyError(str(error), "")

    async def _encrypted(self, lane: Lane, batch: Sequence[Item]) -> Sequence[Encrypted]:
        frames = [item.frame for item in batch]
        if self._follow:
            return await self._e2ee.outgoing.encrypt(lane.room, frames)
        try:
            async with asyncio.timeout(max(0.5, _UNDER_WAY_SECONDS - lane.held)):
                return await self._e2ee.outgoing.encrypt(lane.room, frames)
        except TimeoutError:
            raise NotReadyError(_("The room can't catch up with the server.")) from None

    async def _hold(
        self, lane: Lane, batch: Sequence[Item], error: ParlourClientError, moved: asyncio.Event
    ) -> None:
        """Hold requests that can't be encrypted now in their places, until something has changed.

        What is not kept is not held either.
        """
        permanent = isinstance(error, EncryptionError) and not isinstance(error, NotReadyError)
        gives_up = not self._follow and (permanent or lane.held >= _PATIENCE)
        behind = [item for *_, item in lane.waiting if isinstance(item.frame, SendContent)]
        for item in [*batch, *behind]:
            if isinstance(item.frame, SendContent):
                self._outbox.failed(item, error)
            elif gives_up:
                self._outbox.failed(item, error if permanent else NotReadyError(str(error), _NOT_SENT))
            else:
                self._put_back(lane, item, self._why(error))
        if not lane.waiting:
            return
        lane.filled.clear()
        # Others wait for the same event: setting it because of a timeout would wake all of them.
        sleep = self._clock.sleep(_LOOK_AGAIN if self._follow else _A_MOMENT)
        pauses = [asyncio.ensure_future(each) for each in (moved.wait(), lane.filled.wait(), sleep)]
        try:
            await asyncio.wait(pauses, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pause in pauses:
                pause.cancel()

    async def _send(
        self,
        lane: Lane,
        batch: Sequence[Item],
        frames: Sequence[Encrypted | DurableRequest],
        *,
        encrypts: bool,
    ) -> None:
        """Send one after the other, up to one that is not stored: no later one overtakes it.

        Those behind it are encrypted again: their links say that it came before.
        """
        for number, (item, frame) in enumerate(zip(batch, frames, strict=True)):
            is_fresh = await self._pace.enter(item)
            is_fresh = is_fresh and (encrypts or not self._e2ee.covers(lane.room))
            try:
                if is_fresh and item.delivery is Delivery.QUEUED:  # else it was cancelled meanwhile
                    await self._send_one(lane, item, frame)
            finally:
                self._pace.leave()
            if item.delivery is not Delivery.STORED:
                for rest in batch[number + is_fresh :]:
                    lane.put(rest)
                return

    async def _send_one(self, lane: Lane, item: Item, frame: Encrypted | DurableRequest) -> None:
        if isinstance(frame, ArrivedError):
            self._outbox.stored(item, StoredAt(room=lane.room, seq=frame.seq, at=item.at))
        elif isinstance(frame, ParlourClientError):
            self._outbox.failed(item, frame)
        else:
            refusal: asyncio.Future[Error | None] = asyncio.get_running_loop().create_future()
            self._outbox.goes(item)
            await self._conversation.ask(frame, partial(self._answered, item, frame, refusal))
            if (reply := await refusal) is not None:
                await self._refused(lane, item, frame, reply)

    def _answered(
        self,
        item: Item,
        frame: SendEncrypted | DurableRequest,
        refusal: "asyncio.Future[Error | None]",
        reply: Ok | Error,
    ) -> None:
        """Process an answer, before the next frame is: that may be the event."""
        if isinstance(reply, Error):
            refusal.set_result(reply)
            return
        encrypted = isinstance(frame, SendEncrypted)
        if isinstance(reply.result, Stored):
            self._outbox.stored(item, at_of(reply.result), "" if encrypted else reply.redacted)
            if encrypted:
                self._e2ee.outgoing.stored(item.frame)
        else:
            self._outbox.failed(item, ChatRefusedError(ErrorCode.MALFORMED))
        refusal.set_result(None)

    async def _refused(
        self, lane: Lane, item: Item, frame: SendEncrypted | DurableRequest, reply: Error
    ) -> None:
        item.tries += 1
        error = ChatRefusedError(reply.code, reply.hint, retry_after=reply.retry_after)
        encrypted = isinstance(frame, SendEncrypted)
        match reply.code:
            case ErrorCode.STALE_EPOCH | ErrorCode.REMOVAL_PENDING if encrypted and item.tries < _MOST_EPOCHS:
                self._e2ee.outgoing.moved_on(
                    lane.room
                )  # it is reconciled first: removals are committed at once
                self._put_back(lane, item, error)
            case ErrorCode.RATE_LIMITED:
                self._pace.slow_down()
                self._again(lane, item, error, (reply.retry_after or 1_000) / 1_000)
            case ErrorCode.TOO_MANY_IN_FLIGHT:
                self._again(lane, item, error, _A_MOMENT)
            case ErrorCode.ENCRYPTED if item.tries < MAX_TRIES:  # just now: it is encrypted next
                lane.pause = _A_MOMENT
                self._put_back(lane, item, error)
            case ErrorCode.UNAVAILABLE if item.tries < MAX_TRIES:
                self._pace.slow_down()
                self._again(lane, item, error, _A_MOMENT * item.tries)
            case ErrorCode.MESSAGE_GONE if isinstance(frame, Send) and frame.reply_to is not None:
                self._outbox.failed_without_parent(item, frame)
            case _:
                self._outbox.failed(item, error)
                if encrypted:
                    await self._e2ee.outgoing.forget(item.request)

    def _again(self, lane: Lane, item: Item, why: ParlourClientError, seconds: float) -> None:
        """Put a request back in its place; nothing is sent for so many seconds."""
        self._pace.hold(seconds)
        self._put_back(lane, item, why)

    def _put_back(self, lane: Lane, item: Item, why: ParlourClientError) -> None:
        """Put a request back in its place, unless it was taken back while it was encrypted or asked about."""
        if self._outbox.waits(item, why):
            lane.put(item)
