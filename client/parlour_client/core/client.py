# ruff: noqa: D102
"""``Client``: one account on one server, as every view, command and bot uses it.

It owns the objects that do the work, one for each subject: ``client.rooms``, ``client.messages``,
``client.history`` … It holds no password, and what others wrote leaves it only as ``WireText``. Methods that
ask the server raise ``ParlourClientError`` with a sentence for the person; methods that write messages do
not wait for the network (the outbox does).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from random import Random, SystemRandom
from types import SimpleNamespace

from parlour_client.core.account.hardening import keep_memory_private
from parlour_client.core.account.home import Home
from parlour_client.core.account.profile import Credentials, CurrentProfile, Profile, load_profile
from parlour_client.core.account.sign_in import open_archive
from parlour_client.core.clock import Clock, SystemClock
from parlour_client.core.connection import Connection
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.messages.attachments import Progress
from parlour_client.core.e2ee.service import Encryption
from parlour_client.core.engine import Engine
from parlour_client.core.errors import EncryptionError, LoggedOutError, StoppedError
from parlour_client.core.event_bus import EventBus
from parlour_client.core.events import Change
from parlour_client.core.files import Files, no_progress
from parlour_client.core.history import History
from parlour_client.core.invitations import Invitations
from parlour_client.core.messages import Messages
from parlour_client.core.model import (
    Account,
    ConnectionStatus,
    Entry,
    Gap,
    MemberView,
    Note,
    Outgoing,
    Room,
    Thread,
    Version,
)
from parlour_client.core.model import Profile as PersonProfile
from parlour_client.core.outbox.item import StoredAt
from parlour_client.core.parts import Parts
from parlour_client.core.people import People
from parlour_client.core.preferences import Preferences
from parlour_client.core.rooms import Rooms
from parlour_client.core.sessions import Sessions
from parlour_client.core.transport.wire import Dial, Wire
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.base import Role, RoomKind, RoomSuite, Status
from parlour_protocol.frames.replies import RoomListing
from parlour_protocol.ids import Millis, RequestId, RoomId, Seq, SessionId
from parlour_protocol.names import RoomName, UserName
from parlour_protocol.secret import Secret


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


class Client:
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
        """Use the account of ``home``. ``start`` makes the parts; before it they raise StoppedError.

        Without ``follow`` no room is caught up: for programs that only send. Without ``adopt`` nothing that
        earlier programs left unsent is sent: for programs that only read.
        """
        self.events = EventBus()
        """What changed: subscribe to it, or iterate over ``events.stream()``."""
        self._home = home
        self._passphrase = passphrase
        self._follow = follow
        self._adopt = adopt
        self._clock = clock or SystemClock()
        self._chance = chance or SystemRandom()
        self._dial = dial
        self._delivery = delivery
        self._started: tuple[Parts, Engine] | None = None

    async def start(self) -> None:
        """Open the archive and connect in the background; returns when the archive is open."""
        keep_memory_private()
        archive = await open_archive(self._home, self._passphrase)
        try:
            credentials = Credentials(await load_profile(archive))
            _session(credentials.profile)
            parts = Parts(
                credentials,
                archive,
                self._clock,
                self._chance,
                self.events.emit,
                self._delivery(credentials.current),
                follow=self._follow,
            )
            engine = Engine(parts, self._dial(credentials.current))
            await engine.load(adopt=self._adopt and self._home.adopt_outbox())
        except BaseException:
            await archive.close()
            raise
        self._started = parts, engine
        engine.start()

    async def finish(self, room: RoomId | None = None) -> None:
        """Renew keys that are due, and add devices that wait for it in ``room``, before a program ends."""
        if self._parts.encrypted_rooms is not None:
            await self._parts.encrypted_rooms.scheduler.finish(room)

    async def stop(self) -> None:
        """Disconnect and close the archive; what is queued stays queued on disk."""
        started, self._started = self._started, None
        self._passphrase = None  # who starts another client asks for it again
        if started is not None:
            parts, engine = started
            parts.history.keep(None)
            await engine.stop()
            self.events.end()
            self._home.release_outbox()
            await parts.archive.close()

    @property
    def account(self) -> Account:
        """Who this client is."""
        return self._parts.account

    @property
    def connection(self) -> Connection:
        """The connection to the server: how it fares, and waiting for it."""
        return self._parts.connection

    @property
    def rooms(self) -> Rooms:
        """The rooms that the account is in, and what can be done in them."""
        return self._parts.rooms

    @property
    def invitations(self) -> Invitations:
        """What waits for this account's yes, and inviting others."""
        return self._parts.invitations

    @property
    def messages(self) -> Messages:
        """Writing: messages, edits, reactions, pins; read markers and drafts."""
        return self._parts.messages

    @property
    def history(self) -> History:
        """Reading: timelines, search, threads; and what this device forgets."""
        return self._parts.history

    @property
    def people(self) -> People:
        """Other people, presence, and whom this device ignores."""
        return self._parts.people

    @property
    def preferences(self) -> Preferences:
        """What the person set for rooms on this device."""
        return self._parts.preferences

    @property
    def sessions(self) -> Sessions:
        """Where the account is logged in."""
        return self._parts.sessions

    @property
    def files(self) -> Files:
        """Sending and saving files."""
        return self._parts.files

    @property
    def encryption(self) -> Encryption:
        """Encryption: rooms, people, devices. Raises EncryptionError where there is none."""
        if self._parts.encryption is None:
            raise EncryptionError("There is no encryption here.")
        return self._parts.encryption

    @property
    def _parts(self) -> Parts:
        if self._started is None:
            raise StoppedError("The client is not started.")
        return self._started[0]

    # Being removed: callers use the objects above.
    @property
    def _engine(self) -> SimpleNamespace:
        parts = self._parts
        return SimpleNamespace(
            archive=parts.archive,
            outbox=parts.outbox,
            state=parts.state,
            encryption=parts.encrypted_rooms,
            sync=parts.catch_up,
            conversation=parts.live.conversation,
        )

    @property
    def status(self) -> ConnectionStatus:
        return self.connection.status

    def room(self, room: RoomId) -> Room | None:
        return self.rooms.get(room)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        return self.events.subscribe(listener)

    def changes(self) -> AsyncIterator[Change]:
        return self.events.stream()

    async def connected(self, patience: float | None = None) -> None:
        await self.connection.connected(patience)

    async def ready(self, patience: float | None = None) -> None:
        await self.connection.ready(patience)

    def hurry(self) -> None:
        self.connection.retry_now()

    async def log_in_again(self, password: Secret) -> None:
        await self.connection.log_in_again(password)

    async def timeline(
        self, room: RoomId, *, before: Seq | None = None, after: Seq | None = None, limit: int = 100
    ) -> Sequence[Entry]:
        return await self.history.timeline(room, before=before, after=after, limit=limit)

    async def log(self, room: RoomId, *, after: Seq, limit: int = 200) -> Sequence[LogEvent]:
        return await self.history.log(room, after=after, limit=limit)

    async def search(self, words: str, *, room: RoomId | None = None, limit: int = 50) -> Sequence[Entry]:
        return await self.history.search(words, room=room, limit=limit)

    async def room_names(self) -> Mapping[RoomId, str]:
        return await self.history.room_names()

    async def entry(self, room: RoomId, seq: Seq) -> Entry | None:
        return await self.history.entry(room, seq)

    async def thread(self, room: RoomId, seq: Seq) -> Thread:
        return await self.history.thread(room, seq)

    async def pins(self, room: RoomId) -> Sequence[Entry]:
        return await self.history.pins(room)

    async def versions(self, room: RoomId, seq: Seq) -> Sequence[Version]:
        return await self.history.versions(room, seq)

    async def gaps(self, room: RoomId, after: Seq, before: Seq) -> Sequence[Gap]:
        return await self.history.gaps(room, after, before)

    async def trouble_of(self, room: RoomId, seq: Seq) -> str:
        return await self.history.trouble_of(room, seq)

    async def note_at(self, room: RoomId, seq: Seq) -> Note | None:
        return await self.history.note_at(room, seq)

    def wire_form(self, entry: Entry) -> str:
        return self.history.wire_form(entry)

    async def forget(self, room: RoomId | None = None, *, before: Millis | None = None) -> int:
        return await self.history.forget(room, before=before)

    def keep(self, seconds: int | None) -> None:
        self.history.keep(seconds)

    def outgoing(self) -> Sequence[Outgoing]:
        return self.messages.outgoing()

    async def person(self, user: UserName) -> PersonProfile:
        return await self.people.profile(user)

    async def end_session(self, which: SessionId) -> None:
        await self.sessions.end(which)

    @property
    def ignored(self) -> AbstractSet[UserName]:
        return self.people.ignored

    async def ignore(self, user: UserName, *, on: bool = True) -> None:
        await self.people.ignore(user, on=on)

    async def favour(self, room: RoomId, *, on: bool = True) -> None:
        await self.preferences.favourite(room, on=on)

    async def silence(self, room: RoomId, *, on: bool = True) -> None:
        await self.preferences.mute(room, on=on)

    async def keep_strict(self, room: RoomId, *, on: bool = True) -> None:
        await self.preferences.strict(room, on=on)

    async def star(self, room: RoomId, seq: Seq, *, on: bool = True) -> None:
        await self.messages.star(room, seq, on=on)

    async def send(self, room: RoomId, text: str, *, reply_to: Seq | None = None) -> Entry:
        return await self.messages.send(room, text, reply_to=reply_to)

    async def send_many(
        self, room: RoomId, texts: Sequence[str], *, reply_to: Seq | None = None
    ) -> Sequence[Entry]:
        return await self.messages.send_many(room, texts, reply_to=reply_to)

    async def edit(self, room: RoomId, target: Seq, text: str) -> None:
        await self.messages.edit(room, target, text)

    async def delete(self, room: RoomId, target: Seq) -> None:
        await self.messages.delete(room, target)

    async def react(self, room: RoomId, target: Seq, reaction: str, *, on: bool = True) -> None:
        await self.messages.react(room, target, reaction, on=on)

    async def pin(self, room: RoomId, target: Seq, *, on: bool = True) -> RequestId:
        return await self.messages.pin(room, target, on=on)

    async def stored(self, request: RequestId) -> Seq:
        return await self.messages.stored(request)

    async def outcome(self, request: RequestId) -> StoredAt:
        return await self.messages.outcome(request)

    async def retry(self, request: RequestId) -> None:
        await self.messages.retry(request)

    async def cancel(self, request: RequestId) -> None:
        await self.messages.cancel(request)

    async def abandon(self, requests: Sequence[RequestId]) -> None:
        await self.messages.abandon(requests)

    async def create_room(
        self,
        name: RoomName,
        kind: RoomKind,
        topic: str = "",
        *,
        encrypted: bool = False,
        suite: RoomSuite = RoomSuite.X25519,
    ) -> Room:
        return await self.rooms.create(name, kind, topic, encrypted=encrypted, suite=suite)

    async def open_direct(
        self, user: UserName, *, encrypted: bool = True, suite: RoomSuite = RoomSuite.X25519
    ) -> Room:
        return await self.rooms.open_direct(user, encrypted=encrypted, suite=suite)

    async def encrypt(self, room: RoomId) -> None:
        await self.rooms.encrypt(room)

    async def join(self, room: RoomId) -> Room:
        return await self.rooms.join(room)

    async def leave(self, room: RoomId) -> None:
        await self.rooms.leave(room)

    async def directory(self) -> Sequence[RoomListing]:
        return await self.rooms.directory()

    async def members(self, room: RoomId) -> Sequence[MemberView]:
        return await self.rooms.members(room)

    async def invite(self, room: RoomId, user: UserName) -> None:
        await self.invitations.send(room, user)

    async def uninvite(self, room: RoomId, user: UserName) -> None:
        await self.invitations.withdraw(room, user)

    async def accept(self, room: RoomId) -> Room:
        return await self.invitations.accept(room)

    async def decline(self, room: RoomId) -> None:
        await self.invitations.decline(room)

    async def block(self, user: UserName, *, on: bool = True) -> None:
        await self.invitations.block(user, on=on)

    async def blocked(self) -> Sequence[UserName]:
        return await self.invitations.blocked()

    async def set_topic(self, room: RoomId, topic: str) -> None:
        await self.rooms.set_topic(room, topic)

    async def set_role(self, room: RoomId, user: UserName, role: Role) -> None:
        await self.rooms.set_role(room, user, role)

    async def kick(self, room: RoomId, user: UserName, reason: str = "") -> None:
        await self.rooms.kick(room, user, reason)

    async def ban(self, room: RoomId, user: UserName, *, seconds: int | None, reason: str = "") -> None:
        await self.rooms.ban(room, user, seconds=seconds, reason=reason)

    async def unban(self, room: RoomId, user: UserName) -> None:
        await self.rooms.unban(room, user)

    async def mute(self, room: RoomId, user: UserName, *, seconds: int | None) -> None:
        await self.rooms.mute(room, user, seconds=seconds)

    async def unmute(self, room: RoomId, user: UserName) -> None:
        await self.rooms.unmute(room, user)

    async def send_file(
        self, room: RoomId, path: Path, caption: str = "", *, progress: Progress = no_progress
    ) -> Entry:
        return await self.files.send(room, path, caption, progress=progress)

    async def save_file(self, entry: Entry, folder: Path, *, progress: Progress = no_progress) -> Path:
        return await self.files.save(entry, folder, progress=progress)

    async def mark_read(self, room: RoomId, seq: Seq, *, share: bool = False) -> None:
        await self.messages.mark_read(room, seq, share=share)

    def receipts(self, room: RoomId) -> Mapping[UserName, Seq]:
        return self.messages.receipts(room)

    async def typing(self, room: RoomId, *, on: bool) -> None:
        await self.messages.typing(room, on=on)

    async def set_status(self, status: Status) -> None:
        await self.people.set_status(status)

    @property
    def last_room(self) -> RoomId | None:
        return self.preferences.last_room

    async def remember_open(self, room: RoomId) -> None:
        await self.preferences.remember_open(room)

    async def draft(self, room: RoomId) -> str:
        return await self.messages.draft(room)

    async def save_draft(self, room: RoomId, text: str) -> None:
        await self.messages.save_draft(room, text)
