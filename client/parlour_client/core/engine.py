"""Runs a client: it maintains a connection, and while one lasts it listens, catches up and sends.

These run concurrently; when one of them ends, the connection ends. An archive that cannot be written stops
everything.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from parlour_client.core.e2ee.messages.room_sender import RoomSender
from parlour_client.core.outbox.room_queue import RoomQueue
from parlour_client.core.parts import Parts
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.errors import ParlourClientError, UnreachableError
from parlour_client.kit.language import _
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket
from parlour_protocol.frames import Hello
from parlour_protocol.ids import RoomId

_LONGEST_PAUSE: Final = 3.0
"""Seconds for which a connection waits for a screen."""


class Engine:
    """Runs the parts of a client, made by ``Parts``."""

    def __init__(self, parts: Parts, dial: Dial) -> None:
        self._parts = parts
        self._dial = dial
        self._running: asyncio.Task[None] | None = None

    async def load(self, *, adopt: bool) -> None:
        """Load the archive's state; with ``adopt`` also messages that earlier programs left unsent."""
        parts = self._parts
        await parts.room_store.load()
        await parts.encrypted_rooms.load()
        await parts.rollback.load()
        if adopt:
            await parts.outbox.load()

    def start(self, after: asyncio.Event | None = None) -> None:
        """Connect in the background; ``after`` that is set, or after ``_LONGEST_PAUSE``."""
        self._running = asyncio.ensure_future(self._run(after))

    async def stop(self) -> None:
        """Disconnect; everything that was acknowledged is on disk afterwards."""
        parts = self._parts
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        parts.reconnector.stopped.set()
        await parts.encrypted_rooms.stop()
        await parts.outbox.flush()

    async def _run(self, after: asyncio.Event | None) -> None:
        if after is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(after.wait(), _LONGEST_PAUSE)
        reconnector = self._parts.reconnector
        tasks = [
            asyncio.ensure_future(self._parts.receiver.run()),
            asyncio.ensure_future(reconnector.run(self._connect, self._begin, self._converse)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if isinstance(error := task.exception(), ParlourClientError):
                    reconnector.fail(error)
                else:
                    task.result()
        finally:
            reconnector.stopped.set()
            await _cancelled(tasks)

    async def _connect(self) -> FrameSocket:
        """Open a connection, after binding the session to this device."""
        await self._parts.encrypted_rooms.sign_in()
        return await self._dial()

    def _begin(self, socket: FrameSocket) -> ChatConversation:
        return ChatConversation(socket, self._parts.clock)

    async def _converse(self, conversation: ChatConversation, hello: Hello) -> None:
        """Do everything that runs while a connection lasts."""
        parts = self._parts
        rolled_back = await parts.rollback.greet(conversation, hello)
        if not await parts.encrypted_rooms.check_restored(exchanged=parts.rollback.exchanged):
            raise UnreachableError(_("The server was restored. Reconnecting."))
        for room in rolled_back:  # the server's marker is old, too
            parts.read_markers.keep(room)
        await parts.dispatcher.greet(parts.numbers.hello(hello))
        await parts.rollback.publish()
        listening = asyncio.ensure_future(conversation.listen(parts.dispatcher.dispatch))
        tasks = [
            listening,
            asyncio.ensure_future(parts.catch_up.run(conversation)),
            asyncio.ensure_future(parts.outbox.run(conversation, self._start_sender)),
        ]
        parts.live.conversation = conversation
        parts.encrypted_rooms.begin()
        try:
            await parts.waiting_invitations.fetch(conversation)
            if parts.follow:
                await parts.notices.follow(conversation)
            parts.live.online.set()
            await parts.read_markers.send()
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except UnreachableError:
            if listening.done():
                listening.result()  # it knows why the connection ended, and a request only that it did
            raise
        finally:
            parts.live.end()
            parts.catch_up.caught_up.clear()
            parts.presence.clear()
            await parts.encrypted_rooms.end()
            await _cancelled(tasks)

    def _start_sender(
        self, room: RoomId, conversation: ChatConversation
    ) -> tuple[RoomQueue, Coroutine[Any, Any, object]] | None:
        """Return the queue of an encrypted room and what sends from it; None for an open one."""
        parts = self._parts
        if not parts.encrypted_rooms.covers(room):
            return None
        queue = RoomQueue()
        sender = RoomSender(
            room,
            queue,
            parts.outbox,
            parts.encrypted_rooms.outgoing,
            conversation,
            parts.clock,
            parts.encrypted_rooms.next_change,
            follow=parts.follow,
        )
        return queue, sender.run()


async def _cancelled(tasks: "Sequence[asyncio.Future[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
