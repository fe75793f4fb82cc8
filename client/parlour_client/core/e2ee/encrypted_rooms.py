"""Encryption in the running client: this device's keys, its encrypted rooms, and their events.

This is the composition root of the package: it makes the parts and passes them the server's frames. A server
without encryption, or keys that cannot be loaded now, never keep open rooms from working: encrypted rooms
wait and say why.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final

import apsw

from parlour_client.core.archive import Archive, known_rooms, own_keys
from parlour_client.core.archive.divergence import Divergence
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.groups.transaction import ThisDevice
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.e2ee.identity.identity_errors import KeyLogError
from parlour_client.core.e2ee.identity.identity_service import IdentityService
from parlour_client.core.e2ee.maintenance.background_tasks import BackgroundTasks, ChangeSignal, quietly
from parlour_client.core.e2ee.maintenance.closed_accounts import ClosedAccounts
from parlour_client.core.e2ee.maintenance.device_session import DeviceSession
from parlour_client.core.e2ee.maintenance.erasure import Erasure
from parlour_client.core.e2ee.maintenance.membership import Membership
from parlour_client.core.e2ee.maintenance.reconcile import Reconciler
from parlour_client.core.e2ee.maintenance.renewal import Renewal
from parlour_client.core.e2ee.maintenance.room_status import RoomStatuses
from parlour_client.core.e2ee.maintenance.scheduler import Scheduler
from parlour_client.core.e2ee.maintenance.server_state import ServerState
from parlour_client.core.e2ee.messages.effects import Effects
from parlour_client.core.e2ee.messages.history_transfer import HistoryTransfer
from parlour_client.core.e2ee.messages.incoming import Incoming
from parlour_client.core.e2ee.messages.inspection import OutgoingInspection
from parlour_client.core.e2ee.messages.outgoing import Outgoing
from parlour_client.core.e2ee.messages.read_receipts import ReadReceipts
from parlour_client.core.e2ee.messages.store import StoredRun
from parlour_client.core.e2ee.verification.contacts import Contacts
from parlour_client.core.e2ee.verification.sas_sessions import SasSessions
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import Emit, EncryptionChanged
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.core.sync.state import State
from parlour_client.core.transport.chat_conversation import ChatConnection
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.frames import Hello, RoomSummary
from parlour_protocol.frames.replies import GroupChanged, KeyLogAppended, KeyPackagesLow
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

_LOOK_SECONDS: Final = 10.0
"""Seconds that a report waits for a room to catch up."""


class EncryptedRooms:
    """All encrypted rooms of one account on this device."""

    def __init__(
        self,
        account: Account,
        archive: Archive,
        state: State,
        delivery: Delivery,
        live: ChatConnection,
        catch_up: CatchUp,
        numbers: Numbers,
        clock: Clock,
        chance: Random,
        emit: Emit,
        *,
        show: Callable[[RoomId, Sequence[Applied]], Awaitable[None]],
        denied: Callable[[RequestId], None],
        read_by: Callable[[RoomId, UserName, Seq], None],
        follow: bool,
    ) -> None:
        """Make the parts; ``load`` comes next.

        ``show`` shows the views events that did not come through the receiver; ``denied`` is called with each
        request that the server did not store where it said; ``read_by`` when someone sends the room a read
        receipt. Without ``follow`` only rooms that are used are followed.
        """
        self.archive, self.state, self.delivery, self.me = archive, state, delivery, account.user
        self._live = live
        self._catch_up = catch_up
        self.clock = clock
        self._emit = emit
        self._follow = follow
        self._signal, self._background = ChangeSignal(), BackgroundTasks()
        self.identity = IdentityService(
            archive, self.me, account.device, delivery, clock, self._device_replaced, self._identity_changed
        )
        self.inspection = OutgoingInspection(archive, self.identity.policy, emit)
        self.contacts = Contacts(archive, self.me, clock, self.identity)
        self.session = DeviceSession(self.identity)
        self.server = ServerState(delivery, catch_up, numbers, clock, self.session)
        self.incoming = Incoming(
            archive,
            state,
            clock,
            delivery,
            numbers,
            self.server,
            self.identity.catch_up,
            lambda room, error: self.scheduler.failed(room, error),  # noqa: PLW0108 - made below
            self._stored,
            show,
        )
        self.room_statuses = RoomStatuses(
            archive, self.me, self.session, self.identity, self.contacts, emit, self._background, self._signal
        )
        self.reconciler = Reconciler(
            archive,
            delivery,
            state,
            self.session,
            self.server,
            self.identity,
            self.room_statuses,
            self._signal,
            clock,
        )
        self.scheduler = Scheduler(
            self.reconciler,
            clock,
            chance,
            self.covers,
            self.room_statuses.changed,
            lambda room: self.closed_accounts.remove(room),  # noqa: PLW0108 - made below
        )
        self.renewal = Renewal(archive, state, self.session, self.scheduler, clock, chance)
        self.erasure = Erasure(archive, self.session, clock, self._background)
        self.outgoing = Outgoing(
            archive,
            state,
            live,
            self.session,
            self.server,
            self.identity,
            self.scheduler,
            self.renewal,
            clock,
            self.covers,
            self.track,
        )
        self.membership = Membership(
            archive,
            self.me,
            live,
            self.session,
            self.server,
            self.scheduler,
            self.identity,
            self._signal,
            clock,
            lambda: self.incoming.rooms,
            self.track,
        )
        self.closed_accounts = ClosedAccounts(
            archive,
            self.me,
            self.session,
            self.identity,
            self.reconciler,
            self.membership,
            self.room_statuses,
            live,
            self._background,
            clock,
            follow=follow,
        )
        self.read_receipts = ReadReceipts(archive, self.me, clock, self.outgoing.send)
        self.sas = SasSessions(
            self.me,
            self.identity,
            self.contacts,
            clock,
            self._direct_room,
            self.outgoing.send,
            self._identity_changed,
        )
        self.history = HistoryTransfer(
            archive,
            state,
            delivery,
            self.session,
            self.server,
            self.identity,
            self.scheduler,
            self.outgoing,
            self._signal,
            clock,
            emit,
        )
        self._effects = Effects(
            archive,
            self.identity,
            self.sas,
            self.history,
            self.reconciler,
            self.scheduler,
            self.renewal,
            self.room_statuses,
            self.closed_accounts,
            self.membership,
            self._background,
            self.erasure,
            emit,
            denied,
            read_by,
        )
        self._signed_in_now = False
        self._tracked: set[RoomId] = set()
        self._late: asyncio.Future[None] | None = None

    # lifecycle
    async def load(self) -> None:
        """Load the archive's state."""
        await self.incoming.load()
        await self.session.load()
        await self.closed_accounts.load()
        self._hand_on()
        for room in self.incoming.rooms:
            await self.room_statuses.look(room)
        self.erasure.begin()

    async def sign_in(self) -> None:
        """Bind the session to this device, once, before the WebSocket opens. Failures are reported later."""
        self._signed_in_now = not self.session.signed_in
        self.identity.key_log.undecided = True  # the greeting says whether the server was restored
        await self.session.sign_in()
        await self._use_keys()

    async def greet(self, hello: Hello) -> None:
        """Process the greeting: encrypted rooms continue where they stopped."""
        self.server.greeted(hello.now)
        try:
            await self.identity.check_server(hello.server)
        except ParlourClientError as error:
            self.session.refuse(error)
            self.incoming.use(None, DeviceId(""))
        else:
            if self.session.accept():
                self._hand_on()
        await self.resume([self.incoming.pinned(summary) for summary in hello.rooms])

    async def resume(self, summaries: Sequence[RoomSummary]) -> None:
        """Continue encrypted rooms where they stopped; in a program that only sends, those it uses."""
        self.incoming.note(summaries)
        mine = [s for s in summaries if self._follow or s.room in self._tracked]
        tops = {s.room: self._catch_up.top(s.room) for s in mine}
        await self.incoming.greet(mine)
        for room, top in tops.items():
            if top and self._catch_up.top(room) != top:  # another program on this home has gone on
                self.room_statuses.changed(room)

    def begin(self) -> None:
        """Start the background work of a connection."""
        self.closed_accounts.begin()
        rooms = [room for room in self.incoming.rooms if self._follow or room in self._tracked]
        self.scheduler.begin([room for room in rooms if self.state.summary(room) is not None])
        self.renewal.begin()
        if self._follow:
            self._background.run(self.identity.look_for_waiting())
            self._background.run(self.membership.admit_remembered())
        if not self.session.signed_in:
            self._late = asyncio.ensure_future(self._sign_in_late())
        self.read_receipts.resume()
        self._background.run(self.history.take())
        self._signal.notify()

    async def end(self) -> None:
        """Stop the background work when the connection ends."""
        if self._late is not None:
            self._late.cancel()
            await asyncio.gather(self._late, return_exceptions=True)
            self._late = None
        self.renewal.end()
        await self.scheduler.end()
        self._signal.notify()

    async def stop(self) -> None:
        """Stop everything."""
        await self.end()
        await self.read_receipts.stop()
        await self.incoming.stop()
        await self._background.stop()
        await self.erasure.stop()
        await self.delivery.close()

    async def track(self, room: RoomId) -> None:
        """Follow a room that is about to be used, even in a program that follows no others."""
        summary = self.state.summary(room)
        if self._follow or summary is None or room in self._tracked:
            return
        self._tracked.add(room)
        await self.archive.write(known_rooms.save, [summary])
        await self.incoming.greet([summary])
        self.scheduler.unsure.add(room)
        self._catch_up.track(room)

    async def left(self, room: RoomId) -> None:
        """Delete the keys of a room that the account is not a member of any more."""
        self.scheduler.unsure.discard(room)
        self.read_receipts.forget(room)
        await self.incoming.left(room)
        groups = self.session.maybe_groups
        if groups is not None and self.covers(room):
            await self.archive.write(groups.leave, room)
        self._signal.notify()

    def dispatch(self, push: GroupChanged | KeyPackagesLow | KeyLogAppended) -> None:
        """Process a frame from the server."""
        match push:
            case GroupChanged(room=room):
                if self._follow or room in self._tracked:
                    self.scheduler.changed(room)
            case KeyPackagesLow(last_resort_used=used):  # the server is asked how many it has: that decides
                self._background.run(self.identity.refresh_packages())
                if used:
                    for room in self.incoming.rooms:
                        self.renewal.renew_soon(room)
            case KeyLogAppended(waiting=waiting):
                self._background.run(self._meet())
                if waiting:
                    self._background.run(self.identity.look_for_waiting())

    async def _meet(self) -> None:
        """Read the key log; someone who was invited may have a key now."""
        await self.identity.catch_up()
        if self._follow:
            await self.membership.admit_remembered()

    # for the other parts
    def covers(self, room: RoomId) -> bool:
        """Say whether a room is encrypted."""
        return self.incoming.covers(room)

    @property
    def own(self) -> ThisDevice:
        """This device. Raises EncryptionError while it is not approved."""
        return self.session.own

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a condition holds; it is checked after every run of events."""
        await self._signal.until(condition)

    def next_change(self) -> asyncio.Event:
        """Return an event that is set when anything about encryption changes next."""
        return self._signal.next_change()

    async def catch_up_history(self) -> None:
        """Import the history that another device of this account sent; failures are retried later."""
        await quietly(self.history.take())

    async def reread(self, room: RoomId) -> None:
        """Update a room's state once all its waiting events are processed."""
        async with asyncio.timeout(_LOOK_SECONDS):
            await self.server.reached(room)
        await self.room_statuses.look(room)

    # a rolled-back server
    def rolled_back(self, connection: apsw.Connection, fork: Divergence) -> None:
        """Note a rollback, in the transaction that writes it."""
        if (groups := self.session.kept_groups) is not None:
            groups.rolled_back(connection, fork.room, fork.shared, fork.top, self.clock.now())
        else:  # it continues after the fork, whatever happens to its keys
            connection.execute("UPDATE mls_rooms SET cursor = ? WHERE room = ?", (fork.top, fork.room))

    def note_exchange(self, connection: apsw.Connection) -> None:
        """Remember that the server's logs were replaced, until the consequences are dealt with."""
        key_packages.doubt(connection)
        own_keys.put(connection, Name.LOG_RESTORED, b"1")

    async def check_restored(self, *, exchanged: bool) -> bool:
        """Note whether the server was restored since the last connection, before its rooms are processed.

        Then upload what it may have lost: this device, its signatures, fresh key packages. False: the session
        is bound to this device now, and was not when the connection was opened.
        """
        self.identity.key_log.undecided = False
        if not exchanged:
            if isinstance(self.session.trouble, KeyLogError):
                await quietly(self.identity.catch_up())  # a restore does not excuse it: raise the alarm
            return True
        spoke = self._signed_in_now and self.session.trouble is None
        self.session.signed_in = False
        await self.session.sign_in()
        await self._use_keys()
        return spoke or not self.session.signed_in  # else the late sign-in drops the connection

    # events of the parts
    def _stored(self, room: RoomId, run: StoredRun) -> None:
        self._effects.follow(room, run)
        self._signal.notify()

    def _identity_changed(self) -> None:
        self._background.run(self._use_keys())
        self._emit(EncryptionChanged())
        self._signal.notify()

    async def _device_replaced(self) -> None:
        """Go on as another device, which is in no group."""
        await self._use_keys()
        await self._live.drop()  # it is bound to the old device

    async def _sign_in_late(self) -> None:
        await self.session.sign_in_late(self.clock.sleep)
        await self._live.drop()  # a new connection is bound to this device

    async def _use_keys(self) -> None:
        """Use this device's current keys."""
        if not self.session.renew():
            return
        self._hand_on()
        summaries = [s for room in self.incoming.rooms if (s := self.state.summary(room)) is not None]
        if self._live.conversation is not None:
            await self.resume(summaries)
            for summary in summaries:
                self.scheduler.changed(summary.room)
        self._signal.notify()

    def _hand_on(self) -> None:
        if (groups := self.session.maybe_groups) is not None:
            self.incoming.use(groups, self.identity.own().device)

    def _direct_room(self, user: UserName) -> RoomId:
        """Return the encrypted direct room with a person. Raises EncryptionError if there is none."""
        for room in self.state.rooms:
            if room.kind is RoomKind.DIRECT and room.peer == user and self.covers(room.id):
                return room.id
        raise EncryptionError(
            _("There is no encrypted direct room with {user}.").format(user=user),
            _("Open one first: /dm {user}, or parlour dm {user}").format(user=user),
        )
