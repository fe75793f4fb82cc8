"""Encryption in the running client: this device's keys, its encrypted rooms, and what happens to them.

It wires identities, vault, intake, settling and the keeper together and passes on what the server tells. A
server without encryption, or keys that cannot be had now, never keep open rooms from working: encrypted rooms
then wait and say why. The engine owns one; the facade and the outbox ask it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import apsw

from parlour_client.core.archive import known_rooms, own_keys
from parlour_client.core.archive.divergence import Fork
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.groups.group_service import GroupService
from parlour_client.core.e2ee.groups.transaction import ThisDevice
from parlour_client.core.e2ee.identities import Identities
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.e2ee.identity.identity_errors import KeyLogError
from parlour_client.core.e2ee.maintenance.background_tasks import BackgroundTasks, ChangeSignal, quietly
from parlour_client.core.e2ee.maintenance.device_session import DeviceSession
from parlour_client.core.e2ee.maintenance.erasure import Erasure
from parlour_client.core.e2ee.maintenance.reconcile import Reconciler
from parlour_client.core.e2ee.maintenance.renewal import Renewal
from parlour_client.core.e2ee.maintenance.room_status import RoomStatuses
from parlour_client.core.e2ee.maintenance.scheduler import Scheduler
from parlour_client.core.e2ee.messages.effects import Effects
from parlour_client.core.e2ee.messages.incoming import Incoming
from parlour_client.core.e2ee.messages.outgoing import Outgoing
from parlour_client.core.e2ee.messages.read_receipts import ReadReceipts
from parlour_client.core.e2ee.messages.store import StoredRun
from parlour_client.core.e2ee.surroundings import Surroundings
from parlour_client.core.e2ee.verification_channel import WayToPeople
from parlour_client.core.errors import ParlourClientError, UnreachableError
from parlour_client.core.events import EncryptionChanged
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.core.transport.conversation import Conversation
from parlour_protocol.delivery import EventStored, GroupState
from parlour_protocol.encrypted import AnyContent
from parlour_protocol.frames import Hello, RoomSummary
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.frames.replies import GroupChanged, KeyLogAppended, KeyPackagesLow
from parlour_protocol.ids import DeviceId, Millis, RoomId, Seq

_LOOK_SECONDS: Final = 10.0
"""How long a report waits for a room to catch up."""


class EncryptedRooms:
    """All encrypted rooms of one account on this device."""

    def __init__(self, around: Surroundings, delivery: Delivery) -> None:
        """Wire the parts; ``attach`` and ``load`` come next."""
        self._around = around
        self.archive, self.state, self.delivery = around.archive, around.state, delivery
        self.identities = Identities(
            around.archive,
            around.profile.user,
            around.profile.device,
            delivery,
            around.clock,
            WayToPeople(self),
            self._keys_changed,
        )
        self.incoming = Incoming(
            around.archive,
            around.state.names_me,
            around.clock,
            delivery,
            self._taken,
            around.told,
            self._kind,
            around.numbers,
        )
        self.reconciler = Reconciler(around.archive, delivery, self)
        self.keys = DeviceSession(self.identities)
        self._background, self._signal = BackgroundTasks(), ChangeSignal()
        self.room_statuses = RoomStatuses(
            around.archive,
            around.profile.user,
            self.keys,
            self.identities,
            around.emit,
            self._background,
            self._signal,
        )
        self.scheduler = Scheduler(self.reconciler, around.clock, around.chance, self.room_statuses.changed)
        self.outgoing = Outgoing(around.archive, self)
        self.renewal = Renewal(around.archive, self, self.scheduler, around.clock, around.chance)
        self.me = around.profile.user
        self.read_receipts = ReadReceipts(around.archive, self.me, around.clock, self.say)
        self.erasure = Erasure(around.archive, self.keys, around.clock, self._background)
        self.effects = Effects(
            around,
            self.identities,
            self.scheduler,
            self.renewal,
            self.room_statuses,
            self._background,
            self.erasure,
        )
        self._ahead = 0
        self._signed_in_now = False
        self._tracked: set[RoomId] = set()
        self._late: asyncio.Future[None] | None = None
        self.conversation: Conversation | None = None

    # life
    def attach(self, sync: CatchUp) -> None:
        """Say who fetches events."""
        self.incoming.attach(sync)

    async def load(self) -> None:
        """Take what the archive knows."""
        await self.incoming.load()
        await self.keys.load()
        self._hand_on()
        for room in self.incoming.rooms:
            await self.room_statuses.look(room)
        self.erasure.begin()

    async def sign_in(self) -> None:
        """Let the session speak for this device, once; before the WebSocket. What fails is told later."""
        self._signed_in_now = not self.keys.signed_in
        self.identities.judge_key_log(later=True)
        await self.keys.sign_in()
        await self._use_keys()

    async def greet(self, hello: Hello) -> None:
        """Take the greeting: encrypted rooms go on where they were left."""
        self._ahead = hello.now - self._around.clock.now()
        try:
            await self.identities.server_is(hello.server)
        except ParlourClientError as error:
            self.keys.refuse(error)
            self.incoming.use(None, DeviceId(""))
        await self.entered([self.incoming.pinned(summary) for summary in hello.rooms])

    async def entered(self, summaries: Sequence[RoomSummary]) -> None:
        """Let encrypted rooms go on where they were left; in a program that only sends, those it uses."""
        self.incoming.note(summaries)
        mine = [s for s in summaries if self._around.follow or s.room in self._tracked]
        await self.incoming.greet(mine)

    def begin(self, conversation: Conversation) -> None:
        """Begin the background work of a connection."""
        self.conversation = conversation
        rooms = [room for room in self.incoming.rooms if self._around.follow or room in self._tracked]
        self.scheduler.begin([room for room in rooms if self.state.summary(room) is not None])
        self.renewal.begin()
        if not self.keys.signed_in:
            self._late = asyncio.ensure_future(self._sign_in_late(conversation))
        self.read_receipts.resume()
        self._background.run(self.effects.history())
        self._signal.notify()

    async def end(self) -> None:
        """End it with the connection."""
        self.conversation = None
        if self._late is not None:
            self._late.cancel()
        self.renewal.end()
        await self.scheduler.end()
        self._signal.notify()

    async def stop(self) -> None:
        """End everything."""
        await self.end()
        await self.read_receipts.stop()
        await self.incoming.stop()
        await self._background.stop()
        await self.erasure.stop()
        await self.delivery.close()

    async def track(self, room: RoomId) -> None:
        """Follow a room also in a program that follows no others: it is about to be used."""
        summary = self.state.summary(room)
        if self._around.follow or summary is None or room in self._tracked:
            return
        self._tracked.add(room)
        await self.archive.write(known_rooms.save, [summary])
        await self.incoming.greet([summary])
        self.scheduler.unsure.add(room)
        self.incoming.sync.track(room)

    async def say(self, room: RoomId, content: AnyContent) -> None:
        """Seal and send what is no message; the server has it when this returns. Raises why not."""
        if self.conversation is None:
            raise UnreachableError("There is no connection to the server now.", "Try again when it is back.")
        await self.track(room)
        await self.outgoing.say(self.conversation, room, content)

    def sent(self, room: RoomId) -> None:
        """Hear that the server has a message of ours."""
        self.renewal.sent(room, self._around.profile.user)

    async def left(self, room: RoomId) -> None:
        """Forget the keys of a room that the account is no member of any more."""
        self.scheduler.unsure.discard(room)
        self.read_receipts.forget(room)
        groups = self.keys.maybe_groups
        if groups is not None and self.covers(room):
            await self.archive.run(groups.leave, room)
        self._signal.notify()

    def hear(self, push: GroupChanged | KeyPackagesLow | KeyLogAppended) -> None:
        """Take what the server tells."""
        match push:
            case GroupChanged(room=room):
                if self._around.follow or room in self._tracked:
                    self.scheduler.changed(room)
            case KeyPackagesLow(left=left, last_resort_used=used):
                self._background.run(self.identities.keys_low(left, last_resort_used=used))
                if used:
                    for room in self.incoming.rooms:
                        self.renewal.now(room)
            case KeyLogAppended():
                self._background.run(self.identities.catch_up())

    # what others ask
    def covers(self, room: RoomId) -> bool:
        """Say whether a room is encrypted."""
        return self.incoming.covers(room)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the server now."""
        return self.conversation is not None

    @property
    def trouble(self) -> ParlourClientError | None:
        """Why there are no keys to work with."""
        return self.keys.trouble

    @property
    def groups(self) -> GroupService:
        """The vault. Raises EncryptionError while there are no keys."""
        return self.keys.groups

    @property
    def own(self) -> ThisDevice:
        """This device. Raises EncryptionError while it is not approved."""
        return self.keys.own

    def summary(self, room: RoomId) -> RoomSummary | None:
        """Return what the server told of a room."""
        return self.state.summary(room)

    def now(self) -> Millis:
        """Return the time by this device's clock."""
        return self._around.clock.now()

    def server_time(self) -> Millis:
        """Return the time that the server claims: never decide about keys only by it (``times``)."""
        return Millis(self._around.clock.now() + self._ahead)

    async def reached(self, room: RoomId, seq: Seq | None = None) -> None:
        """Wait until everything up to the head, and to ``seq`` at least, was taken in."""
        _ = self.keys.groups  # raises why there is none: the room would never catch up
        await self.incoming.sync.reached(room, seq or Seq(0))

    async def logged(self, room: RoomId, logged: EventStored) -> None:
        """Wait until the event at the place that the server named was taken in."""
        numbers = self._around.numbers
        numbers.check(logged.incarnation)
        await self.reached(room, numbers.of(room).to_local(logged.seq))

    async def group(self, room: RoomId) -> GroupState:
        """Ask where a room's group stands, in the logs that the server greeted with."""
        state = await self.delivery.group(room)
        self._around.numbers.check(state.incarnation)
        return state

    def rolled_back(self, connection: apsw.Connection, fork: Fork) -> None:
        """Take note of a rollback, in the transaction that writes it."""
        if (groups := self.keys.maybe_groups) is not None:
            groups.rolled_back(connection, fork.room, fork.shared, fork.top)
        else:  # it goes on behind the fork, whatever becomes of its keys
            connection.execute("UPDATE mls_rooms SET cursor = ? WHERE room = ?", (fork.top, fork.room))

    def note_exchange(self, connection: apsw.Connection) -> None:
        """Keep that the server's logs are others than before, until what that means was done."""
        key_packages.doubt(connection)
        own_keys.put(connection, Name.LOG_RESTORED, b"1")

    async def met(self, *, exchanged: bool) -> bool:
        """Hear whether the server was restored since the last connection, before its rooms are taken in.

        Then it is brought what it may not have: this device, what it signed, fresh key packages. False: the
        session did not speak for this device when the connection was opened.
        """
        self.identities.judge_key_log()
        if not exchanged:
            if isinstance(self.trouble, KeyLogError):
                await self.keys_up_to_date()  # no restore excuses it: the alarm is raised
            return True
        spoke = self._signed_in_now and self.trouble is None
        self.keys.signed_in = False
        await self.keys.sign_in()
        await self._use_keys()
        return spoke

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._around.clock.sleep(seconds)

    async def keys_up_to_date(self) -> None:
        """Read what is new in the key log; what fails is tried again later."""
        await quietly(self.identities.catch_up())

    async def shown_up_to(self, room: RoomId, seq: Seq) -> None:
        """Wait until the log was taken in up to the server's number ``seq``."""
        await self.reached(room, self._around.numbers.of(room).to_local(seq) if seq else None)

    async def claimed(self, room: RoomId) -> None:
        """Show what the server claims of a room's members."""
        await self.room_statuses.look(room)
        await self.identities.refresh()
        self.room_statuses.changed(room)

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it is so; it is asked whenever something was taken in."""
        await self._signal.until(condition)

    def moved(self) -> asyncio.Event:
        """Return what is set when anything about encryption moves next."""
        return self._signal.moved()

    async def replaced(self) -> None:
        """Forget all groups: this device has a new key, which is in none of them."""
        if (groups := self.keys.maybe_groups) is not None:
            await self.archive.run(groups.forget_device)
        await self._use_keys()
        if self.conversation is not None:  # this connection speaks for the old device
            await self.conversation.wire.close()

    async def _sign_in_late(self, conversation: Conversation) -> None:
        await self.keys.sign_in_late(self.sleep)
        await conversation.wire.close()  # a new one speaks for this device

    # what happened
    def _taken(self, room: RoomId, taken: StoredRun) -> None:
        self.effects.taken(room, taken)
        self._signal.notify()

    def _keys_changed(self) -> None:
        self._background.run(self._use_keys())
        self._around.emit(EncryptionChanged())
        self._signal.notify()

    async def _use_keys(self) -> None:
        """Work with this device's keys as they are now."""
        if not self.keys.renew():
            return
        self._hand_on()
        summaries = [s for room in self.incoming.rooms if (s := self.state.summary(room)) is not None]
        if self.conversation is not None:
            await self.entered(summaries)
            for summary in summaries:
                self.scheduler.changed(summary.room)
        self._signal.notify()

    def _hand_on(self) -> None:
        if (groups := self.keys.maybe_groups) is not None:
            self.incoming.use(groups, self.identities.own().device)

    def _kind(self, room: RoomId) -> RoomKind | None:
        summary = self.state.summary(room)
        return None if summary is None else summary.kind

    async def look_at(self, room: RoomId) -> None:
        """Read anew how a room stands, after all that waits for it was taken in."""
        async with asyncio.timeout(_LOOK_SECONDS):
            await self.reached(room)
        await self.room_statuses.look(room)
