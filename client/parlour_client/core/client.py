"""``Client``: one account on one server, as every view, command and bot uses it.

It owns the objects that do the work, one for each subject: ``client.rooms``, ``client.messages``,
``client.history`` … It stores no password, and returns text of others only as ``WireText``. Methods that ask
the server raise ``ParlourClientError`` with a sentence for the person; methods that write messages do not
wait for the network (the outbox does).
"""

import asyncio
from collections.abc import Callable
from random import Random, SystemRandom

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.account.sign_in import open_archive
from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.engine import Engine
from parlour_client.core.errors import logged_out
from parlour_client.core.events import Change
from parlour_client.core.files import Files
from parlour_client.core.history import History
from parlour_client.core.invitations import Invitations
from parlour_client.core.messages import Messages
from parlour_client.core.people import People
from parlour_client.core.preferences import Preferences
from parlour_client.core.rooms import Rooms
from parlour_client.core.sessions import Sessions
from parlour_client.core.sync.server_notices import ServerNotices
from parlour_client.core.transport.connection import Connection
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.dial import dial_over_tls as dial
from parlour_client.kit.account.hardening import keep_memory_private
from parlour_client.kit.account.profile import Account, CurrentProfile
from parlour_client.kit.clock import Clock, SystemClock
from parlour_client.kit.errors import StoppedError
from parlour_client.kit.event_bus import EventBus
from parlour_client.kit.language import _
from parlour_client.kit.transport.frame_socket import Dial
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import Verifier
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.secret import Secret


def dial_over_tls(current: CurrentProfile, *, ping_seconds: float | None = None) -> Dial:
    """Return a function that opens connections for a profile: each time with a fresh ticket, over TLS.

    ``ping_seconds`` is how often the server is pinged; None for the default.
    """
    return dial(WIRE, current, ping_seconds=ping_seconds)


def delivery_over_tls(current: CurrentProfile) -> DeliveryClient:
    """Return the delivery service of a profile's server, over one verified connection."""
    verifier = Verifier(current().address, current().trust)
    return DeliveryClient(Api(verifier, keep=True), lambda: current().live_session.token)


class Client:
    """A client over one home folder."""

    def __init__(
        self,
        home: ChatHome,
        *,
        passphrase: Secret | None = None,
        archive: Archive | None = None,
        follow: bool = True,
        adopt: bool = True,
        clock: Clock | None = None,
        chance: Random | None = None,
        dial: Callable[[CurrentProfile], Dial] = dial_over_tls,
        delivery: Callable[[CurrentProfile], DeliveryClient] = delivery_over_tls,
    ) -> None:
        """Use the account of ``home``; an ``archive`` that is open is the client's to close.

        ``start`` makes the parts; until then they raise StoppedError. Without ``follow`` no room is caught up
        (for programs that only send). Without ``adopt`` messages that earlier programs left unsent stay
        unsent (for programs that only read).
        """
        self.events = EventBus[Change]()
        """Changes: subscribe to it, or iterate over ``events.stream()``."""
        self._home = home
        self._passphrase = passphrase
        self._opened = archive
        self._follow = follow
        self._adopt = adopt
        self._clock = clock or SystemClock()
        self._chance = chance or SystemRandom()
        self._dial = dial
        self._delivery = delivery
        self._engine: Engine | None = None

    async def start(self, connect_after: asyncio.Event | None = None) -> None:
        """Open the archive and connect in the background; returns when the archive is open.

        A screen passes ``connect_after`` and sets it when it shows what is on this device: so long nothing
        of the network is loaded.
        """
        keep_memory_private()
        archive, self._opened = self._opened, None
        archive = archive or await open_archive(self._home, self._passphrase)
        try:
            profile = await ArchivedProfile(archive).load()
            if profile.session is None:
                raise logged_out(profile.server, profile.user)
            engine = Engine(
                profile,
                archive,
                self._clock,
                self._chance,
                self.events.emit,
                self._dial,
                self._delivery,
                follow=self._follow,
            )
            await engine.load(adopt=self._adopt and self._home.adopt_outbox())
        except BaseException:
            await archive.close()
            raise
        self._engine = engine
        engine.start(connect_after)

    async def finish(self, room: RoomId | None = None) -> None:
        """Before a program ends, renew keys that are due and add devices that wait for it in ``room``."""
        await self._running.e2ee.finish(room)

    async def stop(self) -> None:
        """Disconnect and close the archive; what is queued stays queued on disk."""
        engine, self._engine = self._engine, None
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()
        self._passphrase = None  # starting another client needs the passphrase again
        if engine is not None:
            await engine.close()
            self.events.end()
            self._home.release_outbox()

    @property
    def account(self) -> Account:
        """The account that this client uses."""
        return self._running.account

    @property
    def connection(self) -> Connection:
        """The connection to the server: its status, and waiting for it."""
        return self._running.connection

    @property
    def rooms(self) -> Rooms:
        """The rooms that the account is in, and operations on them."""
        return self._running.rooms

    @property
    def invitations(self) -> Invitations:
        """Invitations that wait for an answer, and inviting others."""
        return self._running.invitations

    @property
    def messages(self) -> Messages:
        """Writing: messages, edits, reactions, pins; read markers and drafts."""
        return self._running.messages

    @property
    def history(self) -> History:
        """Reading: timelines, search, threads; and deleting messages on this device."""
        return self._running.history

    @property
    def people(self) -> People:
        """Other people, presence, and ignored people."""
        return self._running.people

    @property
    def preferences(self) -> Preferences:
        """The person's preferences for rooms on this device."""
        return self._running.preferences

    @property
    def notices(self) -> ServerNotices:
        """Notices of the server's operator to everyone."""
        return self._running.notices

    @property
    def sessions(self) -> Sessions:
        """Where the account is logged in."""
        return self._running.sessions

    @property
    def files(self) -> Files:
        """Sending and saving files."""
        return self._running.files

    @property
    def encryption(self) -> E2ee:
        """Encryption: rooms, people, devices."""
        return self._running.e2ee

    async def send_history(self, device: DeviceId) -> int:
        """Send the archive to another device of this account, over MLS; returns how many events."""
        notes = await self.rooms.open_direct(self.account.user)
        return await self.encryption.send_history(notes.id, device)

    @property
    def _running(self) -> Engine:
        if self._engine is None:
            raise StoppedError(_("The client is not started."))
        return self._engine
