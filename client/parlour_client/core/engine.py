"""The running client: its parts wired together, and what happens while a connection lasts.

It greets, listens, fetches what is missing and sends what is queued, side by side; when one of them ends, the
connection ends. An archive that cannot be written stops it. ``Client`` is its face; nothing else makes one.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

from parlour_client.core.archive import Archive
from parlour_client.core.clock import Clock
from parlour_client.core.connection import Connection
from parlour_client.core.conversation import Conversation
from parlour_client.core.errors import (
    ParlourClientError,
    ServerMisbehavedError,
    StoppedError,
    UnreachableError,
)
from parlour_client.core.ingest import Ingest
from parlour_client.core.model import (
    EntryChanged,
    EntryRemoved,
    LinkState,
    RoomsChanged,
    StatusChanged,
)
from parlour_client.core.news import News
from parlour_client.core.outbox import Item, Outbox
from parlour_client.core.presence import Presence
from parlour_client.core.profile import Profile
from parlour_client.core.state import State
from parlour_client.core.sync import Sync
from parlour_client.core.timeline import Timeline
from parlour_client.core.wire import Dial
from parlour_protocol.frames import AnyRequest, AnyResult, Hello, LogEvent, RoomSummary
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.replies import Push, ReadMarked, RoomClosed, RoomEntered, StatusNow, TypingNow
from parlour_protocol.frames.requests import MarkRead, Send
from parlour_protocol.ids import RoomId, Seq, new_request_id

T = TypeVar("T")


class Engine:
    """All parts of a running client."""

    def __init__(
        self,
        profile: Profile,
        archive: Archive,
        dial: Dial,
        clock: Clock,
        chance: Random,
        news: News,
        *,
        follow: bool,
    ) -> None:
        """Wire the parts. Without ``follow`` rooms are not caught up (a command that only sends)."""
        self.profile, self.archive, self.news = profile, archive, news
        self.conversation: Conversation | None = None
        self._follow = follow
        self.state = State(profile.user)
        self.outbox = Outbox(archive, clock, self._outgoing_changed, follow=follow)
        self._ingest = Ingest(archive, self.state, news.emit, self.outbox.arrived)
        self.sync = Sync(self._ingest, follow=follow)
        self.presence = Presence(profile.user, clock, news.emit)
        self.connection = Connection(
            profile.server, dial, self._converse, clock, chance, self._status_changed
        )
        self.timeline = Timeline(
            profile.account, archive, self.outbox, self.sync, self.state, lambda: self.conversation
        )
        self.online = asyncio.Event()
        self._stopped = asyncio.Event()
        self._telling: set[asyncio.Future[None]] = set()
        self._late_reads: dict[RoomId, Seq] = {}
        self._running: asyncio.Task[None] | None = None

    async def load(self, *, adopt: bool) -> None:
        """Take what the archive knows; with ``adopt`` also what earlier programs left unsent."""
        for known in await self.archive.rooms():
            self.state.tell(known.summary)
            self.sync.know({known.summary.room: known.top})
            if self._follow:
                await self._ingest.recount(known.summary.room)
        if adopt:
            await self.outbox.load()

    def start(self) -> None:
        """Connect in the background."""
        self._running = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Disconnect; everything that was answered is on disk afterwards."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._stopped.set()
        await self.outbox.flush()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def ask(self, frame: AnyRequest) -> AnyResult | None:
        """Ask the server now. Raises UnreachableError while offline."""
        if self.conversation is None:
            raise UnreachableError("There is no connection to the server now.", "Try again when it is back.")
        return await self.conversation.request(frame)

    async def until(self, reached: asyncio.Event, patience: float | None) -> None:
        """Wait for an event of the connection. Raises why it cannot come, after a time the last problem."""
        try:
            async with asyncio.timeout(patience):
                await self.unless_stopped(reached.wait())
        except TimeoutError:
            raise self.connection.error or UnreachableError("The server does not answer.") from None

    async def unless_stopped(self, waiting: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        """Wait, but not for what cannot come any more: raises why the client stopped."""
        task: asyncio.Future[Any] = asyncio.ensure_future(waiting)
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise self.connection.error or StoppedError("The client was stopped.")
            result: T = task.result()
            return result
        finally:
            task.cancel()
            stopped.cancel()

    async def enter(self, summary: RoomSummary) -> None:
        """Take a room that the account came into."""
        self.state.tell(summary)
        if self._follow:
            self.sync.know(await self.archive.save_rooms([summary]))
            self.sync.see(summary.room, summary.head)
            await self._ingest.recount(summary.room)
        self.news.emit(RoomsChanged())

    async def read(self, room: RoomId, seq: Seq) -> None:
        """Move the read marker here, in the archive too."""
        self.state.read(room, seq)
        summary = self.state.summary(room)
        if summary is not None and self._follow:
            await self.archive.save_rooms([summary])
            await self._ingest.recount(room)
        self.news.emit(RoomsChanged())

    async def mark_read(self, room: RoomId, seq: Seq) -> None:
        """Move the read marker everywhere; offline: as soon as there is a connection."""
        self._late_reads[room] = seq
        await self.read(room, seq)
        if self.conversation is not None:
            await self._tell_read(self.conversation)

    async def _tell_read(self, conversation: Conversation) -> None:
        for room, seq in list(self._late_reads.items()):
            await conversation.ask(MarkRead(id=new_request_id(), room=room, seq=seq), lambda _: None)
            if self._late_reads.get(room) == seq:
                del self._late_reads[room]

    async def _run(self) -> None:
        parts = [asyncio.ensure_future(self._ingest.run()), asyncio.ensure_future(self.connection.run())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                if isinstance(error := part.exception(), ParlourClientError):
                    self.connection.fail(error)
                else:
                    part.result()
        finally:
            self._stopped.set()
            await _ended(parts)

    async def _converse(self, conversation: Conversation, hello: Hello) -> None:
        await self._greet(hello)
        parts = [
            asyncio.ensure_future(conversation.listen(self._hear)),
            asyncio.ensure_future(self.sync.run(conversation)),
            asyncio.ensure_future(self.outbox.run(conversation)),
        ]
        self.conversation = conversation
        self.online.set()
        try:
            await self._tell_read(conversation)
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            self.conversation = None
            self.online.clear()
            self.sync.caught_up.clear()
            self.presence.clear()
            await _ended(parts)

    async def _greet(self, hello: Hello) -> None:
        if hello.user != self.profile.user:
            raise ServerMisbehavedError("The server greeted another account.")
        if self._follow:
            self.sync.know(await self.archive.save_rooms(hello.rooms, all_of_them=True))
        self.state.keep_only([summary.room for summary in hello.rooms])
        for summary in hello.rooms:
            self.state.tell(summary)
            if (late := self._late_reads.get(summary.room)) is not None:
                self.state.read(summary.room, late)
            if self._follow:
                await self._ingest.recount(summary.room)
        self.sync.greet(hello.rooms)
        self.news.emit(RoomsChanged())

    async def _hear(self, push: Push) -> None:
        match push:
            case LogEvent():
                if isinstance(push.body, Message):
                    self.presence.said_something(push.room, push.author)
                self.sync.hear(push)
                await self._ingest.has_space()
            case RoomEntered(room=summary):
                await self.enter(summary)
            case RoomClosed(room=room):
                await self._leave(room)
            case ReadMarked(room=room, seq=seq):
                await self.read(room, seq)
            case TypingNow():
                self.presence.typing(push)
            case StatusNow():
                self.presence.status(push)

    async def _leave(self, room: RoomId) -> None:
        self.state.forget(room)
        self.sync.forget(room)
        if self._follow:
            await self.archive.leave_room(room)
        self.news.emit(RoomsChanged())

    def _outgoing_changed(self, item: Item, gone: bool) -> None:  # noqa: FBT001 - the outbox's callback
        if not isinstance(item.frame, Send):
            if item.error is not None:
                task = asyncio.ensure_future(self._tell_problem(item))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)
        elif gone:
            self.news.emit(EntryRemoved(item.frame.room, item.request))
        else:
            self.news.emit(EntryChanged(self.timeline.entry_of(item)))

    async def _tell_problem(self, item: Item) -> None:
        """Show on the message why its edit, deletion or reaction was refused."""
        if not isinstance(item.frame, Send):
            for entry in await self.archive.shown(item.frame.room, [item.frame.target]):
                self.news.emit(EntryChanged(dataclasses.replace(entry, problem=str(item.error))))

    def _status_changed(self) -> None:
        if self.connection.status.state is LinkState.STOPPED:
            self._stopped.set()
        self.news.emit(StatusChanged(self.connection.status))


async def _ended(tasks: "Sequence[asyncio.Future[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
