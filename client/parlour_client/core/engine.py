"""The running client: its parts wired together, and what happens while a connection lasts.

It greets, listens, fetches what is missing and sends what is queued, side by side; when one of them ends, the
connection ends. An archive that cannot be written stops it. ``Client`` is its face; nothing else makes one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

from msgspec.structs import replace

from parlour_client.core.account.profile import Profile
from parlour_client.core.archive import Archive
from parlour_client.core.archive import divergence as forks
from parlour_client.core.archive.divergence import Fork
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.archive.outbox_table import Beside
from parlour_client.core.clock import Clock
from parlour_client.core.e2ee.encrypted_rooms import EncryptedRooms
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.messages.send_queue import SendQueue
from parlour_client.core.e2ee.surroundings import Surroundings
from parlour_client.core.errors import (
    EncryptionError,
    ParlourClientError,
    StoppedError,
    UnreachableError,
)
from parlour_client.core.event_bus import News
from parlour_client.core.events import HistoryReplaced, HistoryWithheld, RoomsChanged, StatusChanged
from parlour_client.core.model import Entry, LinkState
from parlour_client.core.outbox.item import Item, Lasting
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.outbox.progress import OutgoingNews
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.room_log.withheld import withheld_words
from parlour_client.core.sync.catch_up import Sync
from parlour_client.core.sync.dispatcher import Hearing
from parlour_client.core.sync.presence import Presence
from parlour_client.core.sync.read_markers import ReadMarkers
from parlour_client.core.sync.receipts import Receipts
from parlour_client.core.sync.receiver import Ingest
from parlour_client.core.sync.rollback import Rollback
from parlour_client.core.sync.state import State
from parlour_client.core.sync.waiting_invitations import WaitingInvitations
from parlour_client.core.timeline import Timeline
from parlour_client.core.transport.connection import Connection
from parlour_client.core.transport.conversation import Conversation, Read
from parlour_client.core.transport.wire import Dial, Wire
from parlour_protocol.frames import AnyRequest, AnyResult, Hello
from parlour_protocol.ids import RoomId, Seq

T = TypeVar("T")

SETTLE_SECONDS = 30.0
"""How long a command waits until the keys of a room are as they ought to be."""


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
        delivery: Delivery | None,
    ) -> None:
        """Wire the parts. Without ``follow`` rooms are not caught up (a command that only sends)."""
        self.profile, self.archive, self.news = profile, archive, news
        self.conversation: Conversation | None = None
        self._follow = follow
        self.state = State(profile.user)
        self._clock = clock
        self._dial = dial
        self._outgoing = OutgoingNews(archive, news.emit, self._entry_of)
        self.outbox = Outbox(
            archive, clock, self._outgoing.changed, follow=follow, lanes=self._lane, prepare=self._prepare
        )
        self.receipts = Receipts(profile.user, news.emit)
        self.numbers = Numbers()
        self._kept: set[RoomId] = set()
        self.sealed = None if delivery is None else self._encryption(delivery, chance)
        self.rollback = Rollback(archive, profile, self.state.names_me, self.numbers, self.sealed)
        self._forks: list[Fork] = []  # that views have not heard of
        intake = self.sealed.incoming if self.sealed is not None else None
        self._ingest = Ingest(archive, self.state, news.emit, self.outbox.arrived, intake)
        self.sync = Sync(self._ingest, self._withheld, follow=follow)
        if self.sealed is not None:
            self.sealed.attach(self.sync)
        self.read_markers = ReadMarkers(
            archive, self.state, self._ingest, news.emit, self.sealed, follow=follow
        )
        self.presence = Presence(profile.user, clock, news.emit)
        self.invitations = WaitingInvitations(self.state, news.emit)
        self.hearing = self._hearing()
        self.connection = Connection(
            profile.account, self._connect, self._converse, clock, chance, self._status_changed
        )
        self.timeline = Timeline(
            profile.account, archive, self.outbox, self.sync, self.state, lambda: self.conversation, intake
        )
        self.online = asyncio.Event()
        self._stopped = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def _encryption(self, delivery: Delivery, chance: Random) -> EncryptedRooms:
        around = Surroundings(
            self.profile,
            self.archive,
            self.state,
            self._clock,
            chance,
            self.news.emit,
            self._told,
            self.outbox.denied,
            self.receipts.hear,
            self.numbers,
            follow=self._follow,
        )
        return EncryptedRooms(around, delivery)

    def _hearing(self) -> Hearing:
        return Hearing(
            self.archive,
            self.state,
            self.sync,
            self._ingest,
            self.sealed,
            self.read_markers,
            self.receipts,
            self.presence,
            self.invitations,
            self.numbers,
            self.news.emit,
            self._connect_again,
            follow=self._follow,
        )

    async def load(self, *, adopt: bool) -> None:
        """Take what the archive knows; with ``adopt`` also what earlier programs left unsent."""
        for known in await self.archive.rooms():
            self.state.tell(known.summary)
            self.sync.know({known.summary.room: known.top})
            if self._follow:
                await self._ingest.recount(known.summary.room)
        if self.sealed is not None:
            await self.sealed.load()
        await self.rollback.load()
        if adopt:
            await self.outbox.load()

    def start(self) -> None:
        """Connect in the background."""
        self._running = asyncio.ensure_future(self._run())

    def renewed(self, profile: Profile) -> None:
        """Go on with the session of this profile; the one before has ended."""
        self.profile = profile
        if self.sealed is not None:
            self.sealed.keys.signed_in = False  # it speaks for no device yet
        self._stopped.clear()
        self.connection.renewed()

    async def stop(self) -> None:
        """Disconnect; everything that was answered is on disk afterwards."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._stopped.set()
        if self.sealed is not None:
            await self.sealed.stop()
        await self.outbox.flush()
        await self._outgoing.flush()

    async def ask(self, frame: AnyRequest) -> AnyResult | None:
        """Ask the server now. Raises UnreachableError while offline."""
        if self.conversation is None:
            raise UnreachableError("There is no connection to the server now.", "Try again when it is back.")
        if isinstance(frame, Read):
            return await self.conversation.read(frame)
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

    @property
    def encryption(self) -> EncryptedRooms:
        """Encryption in this client. Raises EncryptionError where a client was made without."""
        if self.sealed is None:
            raise EncryptionError("There is no encryption here.")
        return self.sealed

    def require_keys(self) -> None:
        """Raise where this device cannot write in encrypted rooms."""
        _ = self.encryption.own

    async def settled(self, room: RoomId) -> None:
        """Bring an encrypted room's group to what it ought to be after a change of ours. Raises why not."""
        if self.sealed is None or not self.sealed.covers(room):
            return
        await self.sealed.track(room)
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self.unless_stopped(self.sealed.scheduler.now(room))
        except TimeoutError:
            raise EncryptionError(
                "The room's keys could not be changed in time.", "It goes on by itself while Parlour runs."
            ) from None

    async def encrypted(self, room: RoomId) -> None:
        """Know a room as encrypted from now on."""
        summary = self.state.summary(room)
        if summary is not None and self.sealed is not None and not self._follow:
            self.state.tell(replace(summary, encrypted=True))
            self.sealed.incoming.note([replace(summary, encrypted=True)])
        elif self.sealed is not None:
            await self.sealed.until(self._is_covered(room))

    def _is_covered(self, room: RoomId) -> Callable[[], Awaitable[bool]]:
        async def is_covered() -> bool:
            return self.sealed is not None and self.sealed.covers(room)

        return is_covered

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
        self._forks += await self.rollback.greet(conversation, hello)
        if self.sealed is not None and not await self.sealed.met(exchanged=self.rollback.exchanged):
            raise UnreachableError("The server was restored. Parlour connects again.")
        for fork in self._forks:  # the server's marker is an old one, too
            self.read_markers.keep(fork.room)
        await self.hearing.greet(self.numbers.hello(hello))
        while self.rollback.returned:
            self.news.emit(HistoryReplaced(self.rollback.returned.pop()))
        while self.rollback.shorter:
            self.news.emit(HistoryWithheld(self.rollback.shorter.pop(), forks.words(0)))
        while self._forks:
            fork = self._forks.pop(0)
            await self._ingest.tell(fork.room, fork.applied, live=False)
        parts = [
            asyncio.ensure_future(conversation.listen(self.hearing.hear)),
            asyncio.ensure_future(self.sync.run(conversation)),
            asyncio.ensure_future(self.outbox.run(conversation)),
        ]
        self.conversation = conversation
        if self.sealed is not None:
            self.sealed.begin(conversation)
        try:
            await self.invitations.fetch(conversation)
            self.online.set()
            await self.read_markers.send(conversation)
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            self.conversation = None
            self.online.clear()
            self.sync.caught_up.clear()
            self.presence.clear()
            if self.sealed is not None:
                await self.sealed.end()
            await _ended(parts)

    async def _connect(self) -> Wire:
        """Open a connection; before that the session speaks for this device."""
        if self.sealed is not None:
            await self.sealed.sign_in()
        return await self._dial()

    async def keep_room(self, room: RoomId) -> None:
        """Keep a room that a program which follows none sends to, so that a rollback of it is noticed."""
        summary = self.state.summary(room)
        if not self._follow and room not in self._kept and summary is not None:
            self._kept.add(room)
            await self.archive.save_rooms([summary])

    async def _connect_again(self) -> None:
        if self.conversation is not None:
            await self.conversation.wire.close()

    def _lane(self, room: RoomId, conversation: Conversation) -> SendQueue | None:
        """Return the way for what is sent to an encrypted room; None for an open one."""
        if self.sealed is None or not self.sealed.covers(room):
            return None
        moved, sealing = self.sealed.moved, self.sealed.outgoing
        return SendQueue(room, self.outbox, sealing, conversation, self._clock, moved, follow=self._follow)

    def _prepare(self, frames: Sequence[Lasting]) -> Beside | None:
        if self.sealed is None or not self._follow:  # what only sends has yet to catch up with the room
            return None
        return self.sealed.outgoing.early(frames[0].room, frames)

    def _withheld(self, room: RoomId, shown: Seq, claimed: Seq) -> None:
        self.state.withhold(room, shown, claimed)
        self.news.emit(HistoryWithheld(room, withheld_words(shown, claimed)))
        self.news.emit(RoomsChanged())

    async def _told(self, room: RoomId, applied: Sequence[Applied]) -> None:
        await self._ingest.tell(room, applied, live=False)

    def _entry_of(self, item: Item) -> Entry:
        return self.timeline.entry_of(item)

    def _status_changed(self) -> None:
        if self.connection.status.state is LinkState.STOPPED:
            self._stopped.set()
        self.news.emit(StatusChanged(self.connection.status))


async def _ended(tasks: "Sequence[asyncio.Future[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
