"""Sends the requests of one encrypted room, so that open rooms never wait for an encrypted one.

It encrypts a few requests at a time, in order, and sends each after the previous one was answered. A message
that arrived too late for its epoch is encrypted again under the same id when the room has caught up; a
pending removal is committed at once. A message that can't be encrypted now is held with the reason, and
nothing is lost; a program that only sends reports the reason instead. One for which the room takes longer
than ``SAY_SECONDS`` to become ready says so meanwhile.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.messages.outgoing import AT_ONCE, Arrived, Encrypted, Outgoing
from parlour_client.core.errors import ChatRefusedError, EncryptionError
from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import Item, StoredAt, at_of
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.outbox.room_queue import RoomQueue
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, Ok
from parlour_protocol.frames.replies import Stored
from parlour_protocol.ids import RoomId

MAX_TRIES: Final = 5
_LOOK_AGAIN: Final = 15.0
"""Seconds after which a held room is checked again, if nothing changed before."""
_PATIENCE: Final = 20.0
"""Seconds that a program which only sends waits for a room to become ready."""
_UNDER_WAY_SECONDS: Final = 60.0
"""How long it waits for what is under way: a slow machine is no failure, and each request has a limit."""
SAY_SECONDS: Final = 5.0
"""Seconds after which a message that still waits for its room has a reason."""
_NOT_SENT: Final = N_(
    "It was not sent. Send it again later, or from the chat, which sends it as soon as it can."
)
_UNDER_WAY: Final = N_("This room's messages and keys are still being compared with the server's.")
_AGAIN: Final = frozenset({ErrorCode.STALE_EPOCH, ErrorCode.REMOVAL_PENDING})
_SLOWLY: Final = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.TOO_MANY_IN_FLIGHT})


class RoomSender:
    """The requests of one encrypted room."""

    def __init__(
        self,
        room: RoomId,
        queue: RoomQueue,
        outbox: Outbox,
        outgoing: Outgoing,
        conversation: ChatConversation,
        clock: Clock,
        next_change: Callable[[], asyncio.Event],
        *,
        follow: bool,
    ) -> None:
        """Send over ``conversation``; without ``follow`` messages are not held for long."""
        self._room = room
        self._queue = queue
        self._outbox = outbox
        self._outgoing = outgoing
        self._conversation = conversation
        self._clock = clock
        self._next_change = next_change
        self._follow = follow
        self._window = AT_ONCE
        """Requests on their way at one time."""

    async def run(self) -> None:
        """Send until cancelled. Raises UnreachableError when the connection ends, ArchiveError."""
        waited = 0.0
        while True:
            batch = self._queue.take(self._window)
            if not batch:
                self._window = AT_ONCE  # the server keeps up again
                await self._queue.wait()
                continue
            moved, began = self._next_change(), self._clock.now()
            timer = self._clock.call_later(SAY_SECONDS, partial(self._say, batch))
            try:
                sealed = await self._sealed(batch, waited)
            except ParlourClientError as error:
                if error.stops:
                    raise
                await self._hold(batch, error, moved, waited)
                waited += max(0.001, (self._clock.now() - began) / 1_000)
                continue
            finally:
                timer.cancel()
            waited = 0.0
            await self._send(batch, sealed)

    def _say(self, batch: Sequence[Item]) -> None:
        """Tell why these are not sent yet, unless it is known: the room is still being made ready."""
        for item in batch:
            if item.waits is None and item.delivery is Delivery.QUEUED:
                self._outbox.waits(item, self._why(NotReadyError(_(_UNDER_WAY))))

    def _why(self, error: ParlourClientError) -> ParlourClientError:
        """Return why a message waits; one of a program that only sends is not sent later by itself."""
        return error if self._follow else NotReadyError(str(error), "")

    async def _sealed(self, batch: Sequence[Item], waited: float) -> list[Encrypted]:
        frames = [item.frame for item in batch]
        if self._follow:
            return await self._outgoing.encrypt(self._room, frames)
        try:
            async with asyncio.timeout(max(0.5, _UNDER_WAY_SECONDS - waited)):
                return await self._outgoing.encrypt(self._room, frames)
        except TimeoutError:
            raise NotReadyError(_("The room can't catch up with the server.")) from None

    async def _hold(
        self, batch: Sequence[Item], error: ParlourClientError, moved: asyncio.Event, waited: float
    ) -> None:
        """Hold a request that can't be encrypted now, in its place, and wait until something has changed."""
        permanent = isinstance(error, EncryptionError) and not isinstance(error, NotReadyError)
        if not self._follow and (permanent or waited >= _PATIENCE):
            reason = error if permanent else NotReadyError(str(error), _NOT_SENT)
            for item in batch:
                self._outbox.failed(item, reason)
            return
        for item in batch:
            self._wait(item, self._why(error))
        again = 1.0 if not self._follow else _LOOK_AGAIN
        # Others wait for the same event: setting it because of a timeout would wake all of them.
        waiting = asyncio.ensure_future(moved.wait())
        timer = self._clock.call_later(again, partial(_end, waiting))
        try:
            await asyncio.wait({waiting})
        finally:
            timer.cancel()
            waiting.cancel()

    async def _send(self, batch: Sequence[Item], sealed: Sequence[Encrypted]) -> None:
        """Send one after the other: a request must not overtake one that waits.

        Requests after a dropped one are encrypted again: their links say that it came before.
        """
        pause, waits = 0.0, False
        for item, one in zip(batch, sealed, strict=True):
            if item.delivery is not Delivery.QUEUED:  # it was cancelled meanwhile
                waits = True
                continue
            if waits:
                self._queue.put(item)
                continue
            pause = await self._send_one(item, one)
            waits = item.delivery in {Delivery.QUEUED, Delivery.FAILED}
        if pause:
            await self._clock.sleep(pause)

    async def _send_one(self, item: Item, one: Encrypted) -> float:
        """Send, or put back what must wait; returns seconds to wait before the next request."""
        if isinstance(one, Arrived):
            self._outbox.stored(item, StoredAt(room=self._room, seq=one.seq, at=item.at))
        elif isinstance(one, ParlourClientError):
            self._outbox.failed(item, one)
        else:
            future: asyncio.Future[Ok | Error] = asyncio.get_running_loop().create_future()
            self._outbox.goes(item)
            await self._conversation.ask(one, partial(_answered, future))
            return await self._took(item, await future)
        return 0.0

    async def _took(self, item: Item, reply: Ok | Error) -> float:
        """Process an answer; returns seconds to wait before the next request."""
        if isinstance(reply, Ok) and isinstance(reply.result, Stored):
            self._outbox.stored(item, at_of(reply.result))
            self._outgoing.stored(self._room, item.request)
            return 0.0
        if isinstance(reply, Ok):
            self._outbox.failed(item, ChatRefusedError(ErrorCode.MALFORMED))
            return 0.0
        item.tries += 1
        error = ChatRefusedError(reply.code, reply.hint, retry_after=reply.retry_after)
        if reply.code in _AGAIN and item.tries < 4 * MAX_TRIES:
            self._outgoing.moved_on(
                self._room
            )  # reconciled before it is encrypted again: removals are committed at once
            self._wait(item, error)
            return 0.0
        if reply.code in _SLOWLY and (item.tries < MAX_TRIES or reply.code is not ErrorCode.UNAVAILABLE):
            self._window = 1  # later requests must not overtake the refused one
            self._wait(item, error)
            return (reply.retry_after or 1_000) / 1_000
        self._outbox.failed(item, error)
        await self._outgoing.forget(item.request)
        return 0.0

    def _wait(self, item: Item, why: ParlourClientError | None) -> None:
        """Put a request back in its place, unless it was taken back while it was encrypted or asked about."""
        if self._outbox.waits(item, why):
            self._queue.put(item)


def _answered(future: "asyncio.Future[Ok | Error]", reply: Ok | Error) -> None:
    if not future.done():
        future.set_result(reply)


def _end(waiting: "asyncio.Future[Literal[True]]") -> None:
    waiting.cancel()
