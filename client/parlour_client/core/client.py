"""``Client``: one account on one server, as every view, command and bot uses it (``ChatClient``).

It opens the archive, keeps the connection and passes on; the parts do the work. It holds no password, and
what others wrote leaves it only as ``WireText``. The commands, the TUI, the line mode and bots make one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from random import Random, SystemRandom

from parlour_client.core.account.hardening import keep_memory_private
from parlour_client.core.account.home import Home
from parlour_client.core.account.profile import Profile, load_profile
from parlour_client.core.account.sign_in import SignIn, open_archive
from parlour_client.core.calls import RoomCalls
from parlour_client.core.checked_text import message_text
from parlour_client.core.choices import OwnChoices
from parlour_client.core.clock import Clock, SystemClock
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.maintenance.background_tasks import quietly
from parlour_client.core.e2ee.maintenance.membership import Membership
from parlour_client.core.e2ee.messages.history_transfer import HistoryTransfer
from parlour_client.core.e2ee.service import Facade
from parlour_client.core.e2ee.status import Encryption
from parlour_client.core.engine import Engine
from parlour_client.core.errors import EncryptionError, LoggedOutError, SetupError, StoppedError
from parlour_client.core.event_bus import News
from parlour_client.core.events import Change
from parlour_client.core.files import Files
from parlour_client.core.forgetting import Forgetting
from parlour_client.core.looking import Looking
from parlour_client.core.model import Account, ConnectionStatus, Entry, Invitation, LinkState, Note, Room
from parlour_client.core.transport.wire import Dial, Wire
from parlour_client.core.writing import Writing
from parlour_protocol.frames import AnyRequest, AnyResult, LogEvent, encode
from parlour_protocol.frames.base import Status
from parlour_protocol.frames.replies import Entered
from parlour_protocol.frames.requests import Send, SetStatus, Typing
from parlour_protocol.ids import Millis, RoomId, Seq, new_request_id
from parlour_protocol.names import UserName
from parlour_protocol.secret import Secret

CurrentProfile = Callable[[], Profile]
"""Returns the profile with the session that it has now."""


def dial_over_tls(current: CurrentProfile, *, ping_seconds: float | None = None) -> Dial:
    """Return what opens connections for a profile: a fresh ticket each time, over a verified connection.

    ``ping_seconds`` is how often the server is pinged; None: as is usual.
    """
    from parlour_client.core.transport.https import Api  # noqa: PLC0415 - a client in a test needs no network
    from parlour_client.core.transport.trust import Verifier  # noqa: PLC0415
    from parlour_client.core.transport.websocket import PING_SECONDS, open_socket  # noqa: PLC0415

    verifier = Verifier(current().address, current().trust)
    api = Api(verifier)

    async def ticket() -> Secret:
        return (await api.ticket(_session(current()))).ticket

    async def dial() -> Wire:
        return await open_socket(verifier, ticket, ping_seconds or PING_SECONDS)

    return dial


def delivery_over_tls(current: CurrentProfile) -> Delivery | None:
    """Return the delivery service of a profile's server, over one verified connection."""
    from parlour_client.core.transport.delivery_client import DeliveryClient  # noqa: PLC0415 - as above
    from parlour_client.core.transport.https import Api  # noqa: PLC0415
    from parlour_client.core.transport.trust import Verifier  # noqa: PLC0415

    verifier = Verifier(current().address, current().trust)
    return DeliveryClient(Api(verifier, keep=True), lambda: _session(current()))


def _session(profile: Profile) -> Secret:
    if profile.session is None:
        raise LoggedOutError.of(profile.server, profile.user)
    return profile.session


class Client(Writing, RoomCalls, OwnChoices, Looking, Files, Forgetting):
    """A client over one home folder."""

    def __init__(
        self,
        home: Home,
        *,
        passphrase: Secret | None = None,
        follow: bool = True,
        adopt: bool = True,
        clock: Clock | None = None,
        chance: Random | None = None,
        dial: Callable[[CurrentProfile], Dial] = dial_over_tls,
        delivery: Callable[[CurrentProfile], Delivery | None] = delivery_over_tls,
    ) -> None:
        """Use the account of ``home``.

        Without ``follow`` no room is caught up: for programs that only send. Without ``adopt`` nothing that
        earlier programs left unsent is sent: for programs that only read.
        """
        self._home = home
        self._passphrase = passphrase
        self._follow = follow
        self._adopt = adopt
        self._clock = clock or SystemClock()
        self._chance = chance or SystemRandom()
        self._dial = dial
        self._delivery = delivery
        self._news = News()
        self._profile: Profile | None = None
        self._started: Engine | None = None
        self._facade: Facade | None = None

    @property
    def _engine(self) -> Engine:
        if self._started is None:
            raise StoppedError("The client is not started.")
        return self._started

    @property
    def account(self) -> Account:
        """Who this client is; known once it was started."""
        return self._engine.profile.account

    @property
    def status(self) -> ConnectionStatus:
        """Where the connection stands."""
        return self._engine.connection.status

    @property
    def rooms(self) -> Sequence[Room]:
        """The rooms the account is in, by title."""
        return self._engine.state.rooms

    @property
    def invitations(self) -> Sequence[Invitation]:
        """What waits for this account's yes, the newest first; known while there is a connection."""
        return self._engine.invitations.all

    def room(self, room: RoomId) -> Room | None:
        """Return one of them."""
        return self._engine.state.room(room)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``listener`` for every change; returns what ends that."""
        return self._news.subscribe(listener)

    def changes(self) -> AsyncIterator[Change]:
        """Iterate over changes until the client stops."""
        return self._news.changes()

    async def start(self) -> None:
        """Open the archive and connect in the background."""
        keep_memory_private()
        archive = await open_archive(self._home, self._passphrase)
        try:
            self._profile = profile = await load_profile(archive)
            _session(profile)
            engine = Engine(
                profile,
                archive,
                self._dial(self._current),
                self._clock,
                self._chance,
                self._news,
                follow=self._follow,
                delivery=self._delivery(self._current),
            )
            engine.state.choices = await archive.choices()
            await engine.load(adopt=self._adopt and self._home.adopt_outbox())
        except BaseException:
            await archive.close()
            raise
        self._started = engine
        self._make_facade(engine)
        engine.start()

    async def finish(self, room: RoomId | None = None) -> None:
        """Renew keys that are due, and add devices that wait for it in ``room``, before a program ends."""
        if self._engine.sealed is not None:
            await self._engine.sealed.scheduler.finish(room)

    async def stop(self) -> None:
        """Disconnect and close the archive; what is queued stays queued on disk."""
        self._end_sweeping()
        engine, self._started = self._started, None
        self._passphrase = None  # whoever starts another client asks for it again
        if engine is not None:
            await engine.stop()
            self._news.end()
            self._home.release_outbox()
            await engine.archive.close()

    async def connected(self, patience: float | None = None) -> None:
        """Wait until the connection is up, caught up or not. Raises as ``ready`` does."""
        await self._engine.until(self._engine.online, patience)

    async def ready(self, patience: float | None = None) -> None:
        """Wait until the connection is up and every room has caught up, with history from our other devices.

        Raises why it cannot come up; with ``patience`` (seconds) also what is in the way after that time.
        """
        engine = self._engine
        await self.connected(patience)
        await engine.until(engine.sync.caught_up, patience)
        if engine.sealed is not None:
            with suppress(TimeoutError):  # it goes on in the background
                async with asyncio.timeout(patience):
                    await engine.unless_stopped(quietly(engine.sealed.effects.history()))

    def hurry(self) -> None:
        """Try to connect now. Raises SetupError where there is a connection, or there will be none."""
        connection = self._engine.connection
        match connection.status.state:
            case LinkState.ONLINE:
                raise SetupError("There is a connection.")
            case LinkState.STOPPED:
                raise connection.error or StoppedError("The client has stopped.")
            case _:
                connection.hurry()

    async def log_in_again(self, password: Secret) -> None:
        """Log in again where the session has ended, and go on: what is queued is sent.

        Raises SetupError where the session has not ended, and why the server does not let one in.
        """
        engine = self._engine
        if not engine.connection.status.session_ended:
            raise SetupError("You are logged in.")
        self._profile = await SignIn(engine.archive).log_in_again(password)
        engine.renewed(self._profile)

    async def timeline(
        self, room: RoomId, *, before: Seq | None = None, after: Seq | None = None, limit: int = 100
    ) -> Sequence[Entry]:
        """Return entries in ascending order."""
        return await self._engine.timeline.window(room, before, after, limit)

    async def log(self, room: RoomId, *, after: Seq, limit: int = 200) -> Sequence[LogEvent]:
        """Return the log's events over ``after`` one by one, none left out; empty: no more yet."""
        return await self._engine.timeline.log(room, after, limit)

    async def trouble_of(self, room: RoomId, seq: Seq) -> str:
        """Return why an encrypted message cannot be read, also where the timeline has no row of it."""
        return await self._engine.archive.trouble_of(room, seq)

    async def note_at(self, room: RoomId, seq: Seq) -> Note | None:
        """Return what this client says at an event, also where the timeline has no row of it."""
        return await self._engine.archive.note_at(room, seq)

    async def mark_read(self, room: RoomId, seq: Seq, *, share: bool = False) -> None:
        """Everything up to ``seq`` is read; with ``share`` the others in the room are told."""
        engine = self._engine
        await engine.read_markers.mark(room, seq, engine.conversation, share=share)

    def receipts(self, room: RoomId) -> Mapping[UserName, Seq]:
        """Return up to where others have read, as far as they let it be known."""
        return self._engine.receipts.of(room)

    async def typing(self, room: RoomId, *, on: bool) -> None:
        """Say that the person began to type, or stopped. Offline: says nothing."""
        await self._say(Typing(id=new_request_id(), room=room, on=on))

    async def set_status(self, status: Status) -> None:
        """Say that the person is here, or away."""
        if status is Status.OFFLINE:
            raise SetupError("Being offline is not said but done.", "Use: online or away.")
        await self._say(SetStatus(id=new_request_id(), status=status))

    async def draft(self, room: RoomId) -> str:
        """Return what was typed and not sent."""
        return await self._engine.archive.draft(room)

    async def save_draft(self, room: RoomId, text: str) -> None:
        """Keep what was typed."""
        await self._engine.archive.save_draft(room, text)

    def wire_form(self, entry: Entry) -> str:
        """Return the JSON of the entry's event, or of our request while it is on its way."""
        if entry.seq is not None:
            event = LogEvent(
                room=entry.room,
                seq=entry.seq,
                at=entry.at,
                author=entry.author,
                device=entry.device,
                body=entry.body,
            )
            return encode(event).decode()
        if entry.request is None or entry.text is None:
            return ""
        frame = Send(
            id=entry.request, room=entry.room, text=message_text(entry.text), reply_to=entry.reply_to
        )
        return encode(frame).decode()

    def _current(self) -> Profile:
        if self._profile is None:
            raise StoppedError("The client is not started.")
        return self._profile

    async def _ask(self, frame: AnyRequest) -> AnyResult | None:
        return await self._engine.ask(frame)

    async def encrypt(self, room: RoomId) -> None:
        """Make a room end-to-end encrypted from here on, for good."""
        await super().encrypt(room)
        await self._engine.encrypted(room)

    async def decline(self, room: RoomId) -> None:
        """Turn an invitation down, or hide a direct room that somebody opened. They are not told."""
        await super().decline(room)
        self._engine.invitations.gone(room)

    async def _entered(self, entered: Entered) -> Room:
        await self._engine.hearing.enter(entered.room)
        room = self.room(entered.room.room)
        if room is None:
            raise StoppedError("You are not in this room any more.")
        return room

    def _now(self) -> Millis:
        return self._clock.now()

    @property
    def encryption(self) -> Encryption:
        """Encryption: rooms, people, devices. Raises EncryptionError where there is none."""
        if self._facade is None:
            raise EncryptionError("There is no encryption here.")
        return self._facade

    def _make_facade(self, engine: Engine) -> None:
        if engine.sealed is not None:
            histories = HistoryTransfer(engine.sealed, self._notes, engine.state.names_me, engine.news.emit)
            engine.sealed.effects.take_history = histories.take
            self._facade = Facade(engine.sealed, histories, self._settled, self.members, self.encrypt)

    async def _notes(self) -> RoomId:
        return (await self.open_direct(self.account.user)).id

    async def _settled(self, room: RoomId) -> None:
        await self._engine.settled(room)

    @property
    def _membership(self) -> Membership | None:
        sealed = self._engine.sealed
        return None if sealed is None else Membership(sealed)

    def _require_keys(self) -> None:
        self._engine.require_keys()

    async def _say(self, frame: AnyRequest) -> None:
        """Say what is not worth waiting for."""
        conversation = self._engine.conversation
        if conversation is not None:
            await conversation.ask(frame, lambda _: None)
