"""The composition root of a running client: makes every part, in order, with its dependencies.

First the parts that receive, send and store; then the objects that ``Client`` offers to views, commands and
bots. Nothing else in the core makes any of them.
"""

from random import Random

from parlour_client.core.archive import Archive
from parlour_client.core.connection import Connection
from parlour_client.core.e2ee.encrypted_rooms import EncryptedRooms
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.service import Encryption
from parlour_client.core.errors import login_hint
from parlour_client.core.events import Emit
from parlour_client.core.files import Files
from parlour_client.core.history import History
from parlour_client.core.invitations import Invitations
from parlour_client.core.messages import Messages
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.people import People
from parlour_client.core.preferences import Preferences
from parlour_client.core.receive.dispatcher import Dispatcher
from parlour_client.core.receive.read_markers import ReadMarkers
from parlour_client.core.receive.receiver import Receiver
from parlour_client.core.receive.rollback import Rollback
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.rooms import Rooms
from parlour_client.core.sessions import Sessions
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.core.sync.event_queue import EventQueue
from parlour_client.core.sync.presence import Presence
from parlour_client.core.sync.publisher import Publisher
from parlour_client.core.sync.receipts import Receipts
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.server_notices import ServerNotices
from parlour_client.core.sync.state import State
from parlour_client.core.sync.waiting_invitations import WaitingInvitations
from parlour_client.core.transport.chat_conversation import ChatConnection
from parlour_client.kit.account.profile import Credentials
from parlour_client.kit.clock import Clock
from parlour_client.kit.transport.reconnector import Reconnector
from parlour_protocol.ids import RoomId


class Parts:
    """All parts of one running client."""

    def __init__(
        self,
        credentials: Credentials,
        archive: Archive,
        clock: Clock,
        chance: Random,
        emit: Emit,
        delivery: Delivery,
        *,
        follow: bool,
    ) -> None:
        """Make them. Without ``follow`` rooms are not caught up (a program that only sends)."""
        self.archive = archive
        self.clock = clock
        self.follow = follow
        self.account = account = credentials.profile.account

        # state and transport
        self.state = State(account.user, clock)
        self.numbers = Numbers()
        self.reconnector = Reconnector(
            account.server, clock, chance, emit, login_hint(account.server, account.user)
        )
        self.live = ChatConnection(self.reconnector)
        queue = EventQueue()
        self.catch_up = CatchUp(queue, archive, self.state, clock, emit, follow=follow)
        self.room_store = RoomStore(self.state, archive, self.catch_up, follow=follow)
        self.outbox = Outbox(account, archive, self.numbers, clock, emit, follow=follow)
        self.publisher = Publisher(self.state, self.room_store, self.outbox, emit)
        self.receipts = Receipts(account.user, emit)

        # encryption
        self.encrypted_rooms = EncryptedRooms(
            account,
            archive,
            self.state,
            delivery,
            self.live,
            self.catch_up,
            self.numbers,
            clock,
            chance,
            emit,
            show=self.publisher.publish,
            denied=self.outbox.denied,
            read_by=self.receipts.read_by,
            follow=follow,
        )
        membership = self.encrypted_rooms.membership

        # receiving
        self.receiver = Receiver(queue, archive, self.state, self.publisher, self.encrypted_rooms)
        self.rollback = Rollback(
            archive,
            account,
            self.state.names_me,
            self.numbers,
            self.encrypted_rooms,
            self.publisher,
            clock,
            emit,
        )
        self.read_markers = ReadMarkers(
            self.state, self.room_store, self.numbers, self.live, self.encrypted_rooms, emit
        )
        self.presence = Presence(account.user, clock, emit)
        self.waiting_invitations = WaitingInvitations(self.state, emit, membership.is_shown)
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
            self.encrypted_rooms,
            self.live,
            emit,
        )

        # the objects of ``Client``
        self.connection = Connection(
            credentials, archive, self.reconnector, self.live, self.catch_up, self.encrypted_rooms
        )
        self.rooms = Rooms(
            self.state,
            self.live,
            self.reconnector,
            self.dispatcher,
            self.encrypted_rooms,
            membership,
            clock,
            follow=follow,
        )
        self.invitations = Invitations(self.waiting_invitations, self.live, self.rooms, membership)
        self.messages = Messages(
            archive,
            self.state,
            self.room_store,
            self.outbox,
            self.live,
            self.reconnector,
            self.read_markers,
            self.receipts,
            self.encrypted_rooms,
            emit,
            follow=follow,
        )
        self.history = History(
            archive,
            self.state,
            self.room_store,
            self.outbox,
            self.catch_up,
            self.live,
            self.encrypted_rooms,
            clock,
            emit,
        )
        self.people = People(archive, self.state, self.room_store, self.live, self.rooms, emit)
        self.preferences = Preferences(archive, self.state, self.room_store, self.encrypted_rooms, emit)
        self.sessions = Sessions(archive)
        self.files = Files(archive, self.state, self.messages, self.encrypted_rooms)
        rooms = self.rooms
        self.encryption = Encryption(
            self.encrypted_rooms, rooms.reconcile, rooms.members, rooms.encrypt, self._notes
        )

    async def _notes(self) -> RoomId:
        return (await self.rooms.open_direct(self.account.user)).id
