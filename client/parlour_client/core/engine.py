"""A running client: makes every part, in order, with its dependencies, and runs and closes them as one.

First the parts that receive, send and store; then the objects that ``Client`` offers to views, commands and
bots. Nothing else in the core makes any of them. While a connection lasts it listens, catches up and sends
concurrently; when one of these ends, the connection ends. An archive that cannot be written stops everything.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from parlour_client.core.account.sign_in import ChatSignIn
from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.e2ee.world import World
from parlour_client.core.events import Emit, StatusChanged
from parlour_client.core.files import Files
from parlour_client.core.history import History
from parlour_client.core.invitations import Invitations
from parlour_client.core.messages import Messages
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.outbox.sender import Sender
from parlour_client.core.people import People
from parlour_client.core.preferences import Preferences
from parlour_client.core.receive.dispatcher import Dispatcher
from parlour_client.core.receive.read_markers import ReadMarkers
from parlour_client.core.receive.receiver import Publisher, Receiver
from parlour_client.core.receive.rollback import Rollback
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.rooms import Rooms
from parlour_client.core.sessions import Sessions
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.core.sync.event_queue import EventQueue
from parlour_client.core.sync.presence import Presence
from parlour_client.core.sync.receipts import Receipts
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.server_notices import ServerNotices
from parlour_client.core.sync.state import State
from parlour_client.core.sync.waiting_invitations import WaitingInvitations
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.core.transport.connection import Connection
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.profile import CurrentProfile, Profile
from parlour_client.kit.clock import Clock
from parlour_client.kit.connection_status import ConnectionStatus
from parlour_client.kit.errors import ParlourClientError, UnreachableError
from parlour_client.kit.language import _
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket
from parlour_protocol.frames import Hello

_LONGEST_PAUSE: Final = 3.0
"""Seconds for which a connection waits for a screen."""


class Engine:
    """All parts of one running client."""

    def __init__(
        self,
        profile: Profile,
        archive: Archive,
        clock: Clock,
        chance: Random,
        emit: Emit,
        dial: Callable[[CurrentProfile], Dial],
        delivery: Callable[[CurrentProfile], DeliveryClient],
        *,
        follow: bool,
    ) -> None:
        """Make them. Without ``follow`` rooms are not caught up (a program that only sends)."""
        self._emit = emit
        self._running: asyncio.Task[None] | None = None
        self.archive = archive
        self.clock = clock
        self.follow = follow
        self.account = account = profile.account

        # state and transport
        self.state = State(account.user, clock)
        self.numbers = Numbers()
        queue = EventQueue()
        self.catch_up = CatchUp(queue, archive, self.state, clock, emit, follow=follow)
        self.connection = connection = Connection(
            ChatSignIn(archive).account,
            profile,
            self.catch_up.caught_up,
            lambda: self.e2ee.catch_up_history(),  # noqa: PLW0108 - made below
            on_status=self._status_changed,
            clock=clock,
            chance=chance,
            dial=dial,
        )
        delivers = delivery(connection.current_profile)
        self.room_store = RoomStore(self.state, archive, self.catch_up, follow=follow)
        self.outbox = Outbox(account, archive, self.numbers, clock, emit, follow=follow)
        self.publisher = Publisher(self.state, self.room_store, self.outbox, emit)
        self.receipts = Receipts(account.user, emit)

        # encryption
        self.e2ee = E2ee(
            World(
                account,
                archive,
                self.state,
                delivers,
                connection,
                self.catch_up,
                self.numbers,
                clock,
                chance,
                emit,
                show=self.publisher.publish,
                say=self.outbox.say,
                denied=self.outbox.denied,
                read_by=self.receipts.read_by,
                follow=follow,
            )
        )

        # receiving
        self.receiver = Receiver(queue, archive, self.state, self.publisher, self.e2ee)
        self.rollback = Rollback(
            archive,
            account,
            self.state.names_me,
            self.numbers,
            self.e2ee,
            self.publisher,
            clock,
            emit,
        )
        self.read_markers = ReadMarkers(
            self.state, self.room_store, self.numbers, connection, self.e2ee, emit
        )
        self.presence = Presence(account.user, clock, emit)
        self.waiting_invitations = WaitingInvitations(self.state, emit, self.e2ee.membership.is_shown)
        self.notices = ServerNotices(clock, emit)
        self.dispatcher = Dispatcher(
            archive,
            self.state,
            self.room_store,
            self.catch_up,
            self.read_markers,
            self.receipts,
            self.presence,
            self.waiting_invitations,
            self.notices,
            self.e2ee,
            connection,
            emit,
        )

        # the objects of ``Client``
        self.rooms = Rooms(self.state, connection, self.dispatcher, self.e2ee, clock)
        self.invitations = Invitations(self.waiting_invitations, connection, self.rooms, self.e2ee)
        self.messages = Messages(
            archive,
            self.state,
            self.room_store,
            self.outbox,
            connection,
            self.read_markers,
            self.receipts,
            self.e2ee,
            emit,
            follow=follow,
        )
        self.history = History(
            archive,
            self.state,
            self.room_store,
            self.outbox,
            self.catch_up,
            connection,
            self.e2ee,
            clock,
            emit,
        )
        self.people = People(archive, self.state, self.room_store, connection, self.rooms, emit)
        self.preferences = Preferences(archive, self.state, self.room_store, self.e2ee, emit)
        self.sessions = Sessions(archive)
        self.files = Files(archive, self.state, self.messages, delivers, self.e2ee)

    async def load(self, *, adopt: bool) -> None:
        """Load the archive's state; with ``adopt`` also messages that earlier programs left unsent."""
        await self.room_store.load()
        await self.e2ee.load()
        await self.rollback.load()
        if adopt:
            await self.outbox.load()

    def start(self, after: asyncio.Event | None = None) -> None:
        """Connect in the background; ``after`` that is set, or after ``_LONGEST_PAUSE``."""
        self._running = asyncio.ensure_future(self._run(after))

    async def close(self) -> None:
        """Disconnect and close the archive; everything that was acknowledged is on disk afterwards."""
        self.history.keep(None)
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self.connection.reconnector.stopped.set()
        await self.e2ee.close()
        await self.outbox.flush()
        await self.archive.close()

    async def _run(self, after: asyncio.Event | None) -> None:
        if after is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(after.wait(), _LONGEST_PAUSE)
        keeps_up = self.connection.keep_up(self._connect, self._begin, self._converse)
        tasks = [asyncio.ensure_future(self.receiver.run()), asyncio.ensure_future(keeps_up)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except ParlourClientError as error:
            self.connection.reconnector.fail(error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _status_changed(self, status: ConnectionStatus) -> None:
        if status.session_ended:
            self.e2ee.session_ended()
        self._emit(StatusChanged(status))

    async def _connect(self) -> FrameSocket:
        """Open a connection, after binding the session to this device."""
        await self.e2ee.sign_in()
        return await self.connection.dial()

    def _begin(self, socket: FrameSocket) -> ChatConversation:
        return ChatConversation(socket, self.clock)

    async def _converse(self, conversation: ChatConversation, hello: Hello) -> None:
        """Do everything that runs while a connection lasts."""
        rolled_back = await self.rollback.greet(conversation, hello)
        if not await self.e2ee.restored(exchanged=self.rollback.exchanged):
            raise UnreachableError(_("The server was restored. Reconnecting."))
        for room in rolled_back:  # the server's marker is old, too
            self.read_markers.keep(room)
        await self.dispatcher.greet(self.numbers.hello(hello))
        await self.rollback.publish()
        sender = Sender(self.outbox, self.e2ee, conversation, self.clock, follow=self.follow)
        self.connection.conversation = conversation
        self.e2ee.connected()
        try:
            await conversation.listen(
                lambda push: self.dispatcher.dispatch(self.numbers.push(push)),
                self._go_online(conversation),
                self.catch_up.run(conversation),
                sender.run(),
            )
        finally:
            self.connection.end()
            self.catch_up.caught_up.clear()
            self.presence.clear()
            await self.e2ee.disconnected()

    async def _go_online(self, conversation: ChatConversation) -> None:
        await self.waiting_invitations.fetch(conversation)
        if self.follow:
            await self.notices.follow(conversation)
        self.connection.online.set()
        await self.read_markers.send()
