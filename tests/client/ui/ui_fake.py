"""A ``Client`` in memory, for tests, for measuring and for looking at the screen.

It stores what it is told at once and tells its listeners, as the real core does. Not for production: it has
no network, no disk and no checks.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from tests.client.ui.encryption_fake import FakeEncryption

from parlour_client.core import attachments
from parlour_client.core.archive.saved_preferences import Layout, recently
from parlour_client.core.attachments import Progress
from parlour_client.core.client import Client
from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.events import (
    Change,
    CountsChanged,
    EntryAdded,
    EntryChanged,
    EntryRemoved,
    IgnoredChanged,
    InvitationsChanged,
    RoomForgotten,
    RoomsChanged,
    StatusChanged,
)
from parlour_client.core.files import Files
from parlour_client.core.history import History
from parlour_client.core.invitations import Invitations
from parlour_client.core.messages import Messages
from parlour_client.core.model import (
    BanView,
    Delivery,
    Entry,
    Gap,
    Invitation,
    MemberView,
    Outgoing,
    Profile,
    ReactionCount,
    Room,
    Thread,
    Version,
)
from parlour_client.core.people import People
from parlour_client.core.preferences import Preferences
from parlour_client.core.room_names import find_room
from parlour_client.core.rooms import Rooms
from parlour_client.core.sessions import Sessions
from parlour_client.core.sync.server_notices import ServerNotices
from parlour_client.core.transport.connection import Connection
from parlour_client.kit.account.profile import Account
from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import ParlourClientError, RefusedError
from parlour_client.kit.event_bus import EventBus
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import bodies
from parlour_protocol.frames.fields import FileName, MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.frames.replies import Retention, RoomListing
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.api import SessionInfo
from parlour_protocol.kit.fields import ReasonText, WireText
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq, SessionId, new_request_id
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.reports import ReportReason
from parlour_protocol.room_name import RoomName, parse_room_name
from parlour_protocol.rooms import Role, RoomKind, RoomSuite, Status

ALICE, BOB, CAROL = (parse_user_name(name) for name in ("alice", "bob", "carol"))
LAPTOP = parse_device_name("laptop")
SECRET = "hunter2-token"  # must be in no crash report
LOBBY, GARDEN, DIRECT = (RoomId(letter * 22) for letter in "LGD")
START = Millis(1_795_500_000_000)

PartT = TypeVar("PartT")


def raw_text(text: str) -> MessageText:
    """Make a message text without the first wall, as a hostile server or archive could."""
    return str.__new__(MessageText, text)


def a_file(name: str, size: int = 5, media_type: str = "text/plain") -> bodies.FileRef:
    """Make a file as a message names it; the name goes in raw."""
    raw = str.__new__(FileName, name)
    digest = Digest(hashlib.sha256(b"honey").digest())
    return bodies.FileRef(file=FileId("f" * 22), name=raw, media_type=media_type, size=size, sha256=digest)


class FakePart:
    """One of the client's objects: has the names of the real one, and does what the fake does by them."""

    def __init__(self, fake: "FakeClient", kind: type, names: Mapping[str, str]) -> None:
        """Take the place of a ``kind``; ``names`` are those that the fake has another name for."""
        self._fake, self._kind, self._names = fake, kind, names

    def __getattr__(self, name: str) -> Any:
        if not hasattr(self._kind, name):
            raise AttributeError(name, name=name, obj=self)
        return getattr(self._fake, self._names.get(name, name))


class FakeClient(Client):
    """One account in memory."""

    def __init__(self, me: UserName = ALICE) -> None:
        self._account = Account(me, LAPTOP, "chat.example:8443")
        self.events = self._part(EventBus, stream="changes")
        self.status = ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3, key pinned")
        self._rooms: dict[RoomId, Room] = {}
        self.only_in_group: set[tuple[RoomId, UserName]] = set()
        self.people_in: dict[RoomId, list[MemberView]] = {}
        self.logs: dict[RoomId, list[Entry]] = {}
        self.listing: list[RoomListing] = []
        self.drafts: dict[RoomId, str] = {}
        self.thread_drafts: dict[tuple[RoomId, Seq], str] = {}
        self.far: dict[RoomId, Sequence[Entry]] = {}  # entries that a thread has to fetch
        self.last_room: RoomId | None = None
        self.recent_rooms: tuple[RoomId, ...] = ()
        self.layout = Layout()
        self.readers: dict[RoomId, dict[UserName, Seq]] = {}
        self.calls: list[tuple[object, ...]] = []
        self.refusal: RefusedError | None = None
        self.login_refusal: ParlourClientError | None = None
        self.online = True
        self.greeted = asyncio.Event()  # cleared: the server has not listed the rooms yet
        self.greeted.set()
        self.wire = asyncio.Event()  # cleared: files wait on their way
        self.wire.set()
        self.pages_wait = asyncio.Event()  # cleared: older pages wait on their way
        self.pages_wait.set()
        self.sends_wait = asyncio.Event()  # cleared: messages wait on their way
        self.sends_wait.set()
        self.started = self.stopped = False
        self._encryption = FakeEncryption()
        self.ignored: frozenset[UserName] = frozenset()
        self.waiting: list[Invitation] = []
        self.blocks: frozenset[UserName] = frozenset()
        self.texts: dict[tuple[RoomId, Seq], Sequence[Version]] = {}
        self.missing: dict[RoomId, Sequence[tuple[Seq, Seq, bool]]] = {}
        self.logged_in: list[SessionInfo] = []
        self.banned: Sequence[BanView] = []
        self._listeners: dict[object, tuple[Callable[[Change], None], tuple[type[Change], ...]]] = {}
        self._clock = START
        self._server_notices = ServerNotices(SystemClock(), self.tell)

    @classmethod
    def peopled(cls) -> "FakeClient":
        """Make a client with three rooms and a few messages."""
        client = cls()
        client.add_room(LOBBY, parse_room_name("lobby"), topic="Everybody is welcome")
        client.add_room(GARDEN, parse_room_name("garden"))
        client.add_room(DIRECT, None, peer=BOB)
        client.say(LOBBY, BOB, "hello")
        client.say(LOBBY, CAROL, "good morning")
        client.mark_all_read()
        return client

    # --- what tests do to it

    def add_room(
        self,
        room: RoomId,
        name: RoomName | None,
        *,
        peer: UserName | None = None,
        topic: str = "",
        kind: RoomKind = RoomKind.PUBLIC,
    ) -> Room:
        """Make a room with alice, bob and carol."""
        kind = RoomKind.DIRECT if peer is not None else kind
        about = str.__new__(TopicText, topic)
        made = Room(room, kind, Role.OWNER, Seq(1), Seq(0), 0, 0, 3, name, peer, about)
        taken = {other.number for other in self._rooms.values() if other.id != room}
        self._rooms[room] = replace(made, number=min({*range(1, 10)} - taken, default=None))
        self.logs[room] = []
        self.people_in[room] = [
            MemberView(ALICE, Role.OWNER, Status.ONLINE),
            MemberView(BOB, Role.MEMBER, Status.AWAY),
            MemberView(CAROL, Role.MODERATOR, Status.OFFLINE, muted=True),
        ]
        self.happen(room, ALICE, bodies.Created(kind, name))
        return self._rooms[room]

    def say(self, room: RoomId, author: UserName, text: str, *, reply_to: Seq | None = None) -> Entry:
        """Store a message of someone; the text goes in raw."""
        return self.happen(room, author, bodies.Message(raw_text(text), reply_to))

    def happen(
        self, room: RoomId, author: UserName, body: bodies.AnyBody, *, at: Millis | None = None, skip: int = 0
    ) -> Entry:
        """Store an event, 20 seconds after the last one or ``at`` a time; ``skip`` numbers are missing."""
        log = self.logs[room]
        self._clock = at or Millis(self._clock + 20_000)
        seq = Seq(1 + skip + max((entry.seq or 0 for entry in log), default=0))
        text = body.text if isinstance(body, bodies.Message) else None
        reply_to = body.reply_to if isinstance(body, bodies.Message) else None
        entry = Entry(room, self._clock, author, LAPTOP, body, seq=seq, text=text, reply_to=reply_to)
        log.append(entry)
        known = self._rooms[room]
        others = author != self.account.user and text is not None
        self._rooms[room] = replace(
            known,
            head=seq,
            unread=known.unread + others,
            mentions=known.mentions + (others and f"@{self.account.user}" in (text or "")),
        )
        self.tell(EntryAdded(entry))
        self.tell(CountsChanged(room) if text is not None else RoomsChanged())
        return entry

    def change(self, entry: Entry) -> None:
        """Put an entry in the place of the one with its number."""
        log = self.logs[entry.room]
        at = next(
            i for i, one in enumerate(log) if one.seq == entry.seq and one.request in {entry.request, None}
        )
        log[at] = entry
        self.tell(EntryChanged(entry))

    def set_link(self, status: ConnectionStatus) -> None:
        """Change the state of the connection."""
        self.status = status
        self.online = status.state is LinkState.ONLINE
        self.tell(StatusChanged(status))

    def set_topic_raw(self, room: RoomId, topic: str) -> None:
        """Set a topic without the first wall."""
        self._rooms[room] = replace(self._rooms[room], topic=str.__new__(TopicText, topic))
        self.tell(RoomsChanged())

    def set_role_raw(self, room: RoomId, role: Role) -> None:
        """Give the account another role."""
        self._rooms[room] = replace(self._rooms[room], role=role)

    def set_archived(self, room: RoomId, *, on: bool = True) -> None:
        """Archive a room, or make it active again."""
        self._rooms[room] = replace(self._rooms[room], archived=on)
        self.tell(RoomsChanged())

    def set_retention_raw(self, room: RoomId, retention: Retention | None) -> None:
        """Keep messages for another time."""
        self._rooms[room] = replace(self._rooms[room], retention=retention)

    def mark_all_read(self) -> None:
        """Take the counts away."""
        for room in self._rooms.values():
            self._rooms[room.id] = replace(room, read=room.head, unread=0, mentions=0)

    def remove_room(self, room: RoomId) -> None:
        """Put the account out of a room."""
        del self._rooms[room]
        self.tell(RoomsChanged())

    def tell(self, change: Change) -> None:
        """Tell the listeners."""
        for listener, kinds in list(self._listeners.values()):
            if not kinds or isinstance(change, kinds):
                listener(change)

    def _called(self, *call: object) -> None:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal

    # --- Client

    def _part(self, kind: type[PartT], **names: str) -> PartT:
        """Make what passes for one of the real client's objects."""
        return cast("PartT", FakePart(self, kind, names))

    @property
    def account(self) -> Account:
        return self._account

    @property
    def encryption(self) -> FakeEncryption:
        return self._encryption

    async def send_history(self, device: DeviceId) -> int:
        return await self._encryption.send_history(LOBBY, device)

    @property
    def connection(self) -> Connection:
        return self._part(Connection, retry_now="hurry")

    @property
    def rooms(self) -> Rooms:
        return self._part(
            Rooms,
            all="rooms_by_title",
            get="room",
            find="find_room",
            create="create_room",
            delete="delete_room",
        )

    @property
    def invitations(self) -> Invitations:
        return self._part(Invitations, all="waiting", send="invite", withdraw="uninvite")

    @property
    def messages(self) -> Messages:
        return self._part(Messages)

    @property
    def history(self) -> History:
        return self._part(History)

    @property
    def people(self) -> People:
        return self._part(People, profile="person", known="known_people")

    @property
    def preferences(self) -> Preferences:
        return self._part(
            Preferences, favourite="favour", mute="silence", number="open_by", strict="keep_strict"
        )

    @property
    def notices(self) -> ServerNotices:
        return self._server_notices

    @property
    def sessions(self) -> Sessions:
        return self._part(Sessions, all="list_sessions", end="end_session")

    @property
    def files(self) -> Files:
        return self._part(Files, send="send_file", save="save_file", read="read_file")

    @property
    def rooms_by_title(self) -> Sequence[Room]:
        return sorted(self._rooms.values(), key=lambda room: room.title)

    def room(self, room: RoomId) -> Room | None:
        return self._rooms.get(room)

    def find_room(self, wanted: str) -> Room | None:
        return find_room(self.rooms_by_title, wanted)

    def subscribe(self, listener: Callable[[Change], None], *kinds: type[Change]) -> Callable[[], None]:
        token = object()
        self._listeners[token] = listener, kinds
        return lambda: self._listeners.pop(token, None) and None

    async def changes(self) -> AsyncIterator[Change]:
        return
        yield

    async def start(self, connect_after: asyncio.Event | None = None) -> None:
        del connect_after
        self.started = True

    async def stop(self) -> None:
        self.stopped = True

    async def ready(self) -> None:
        return

    async def timeline(
        self, room: RoomId, *, before: Seq | None = None, after: Seq | None = None, limit: int = 100
    ) -> Sequence[Entry]:
        log = self.logs[room]
        if before is not None:
            self.calls.append(("timeline", before))
            await self.pages_wait.wait()
            return tuple([entry for entry in log if entry.seq and entry.seq < before][-limit:])
        if after is not None:
            return tuple([entry for entry in log if entry.seq and entry.seq > after][:limit])
        return tuple(log[-limit:])

    async def entry(self, room: RoomId, seq: Seq) -> Entry | None:
        return next((entry for entry in self.logs[room] if entry.seq == seq), None)

    def _root(self, room: RoomId, seq: Seq) -> Seq:
        known = {entry.seq: entry.reply_to for entry in self.logs[room] if entry.seq is not None}
        while (above := known.get(seq)) is not None:
            seq = above
        return seq

    async def thread(self, room: RoomId, seq: Seq) -> Thread:
        self._called("thread", room, seq)
        await self.pages_wait.wait()
        self.logs[room] = sorted(
            [*self.logs[room], *self.far.pop(room, ())], key=lambda one: one.seq or 1 << 40
        )
        return await self.thread_here(room, seq)

    async def thread_here(self, room: RoomId, seq: Seq) -> Thread:
        root = self._root(room, seq)
        found, inside = {root}, list[Entry]()
        for entry in self.logs[room]:
            if entry.seq in found or entry.reply_to in found:
                found |= {entry.seq} if entry.seq is not None else set()
                inside.append(entry)
        return Thread(root, tuple(inside), None if any(entry.seq == root for entry in inside) else root)

    async def around(self, entry: Entry, count: int) -> tuple[Sequence[Entry], Sequence[Entry]]:
        log = [one for one in self.logs[entry.room] if one.text is not None]
        at = log.index(entry)
        return log[max(0, at - count) : at], log[at + 1 : at + 1 + count]

    async def newest(self, rooms: Sequence[RoomId], limit: int) -> Sequence[Entry]:
        found = [one for room in rooms for one in self.logs[room] if one.text is not None]
        shown = [one for one in found if one.author not in self.ignored and one.seq is not None]
        return sorted(shown, key=lambda one: one.at)[-limit:]

    async def since(self, room: RoomId, moment: Millis) -> Entry | None:
        return next((one for one in self.logs[room] if one.at >= moment), None)

    async def versions(self, room: RoomId, seq: Seq) -> Sequence[Version]:
        self._called("versions", room, seq)
        return self.texts.get((room, seq), ())

    async def gaps(self, room: RoomId, after: Seq, before: Seq) -> Sequence[Gap]:
        inside = self.missing.get(room, ())
        return [
            Gap(room, low, high, gone=gone) for low, high, gone in inside if after <= low and high <= before
        ]

    def outgoing(self) -> Sequence[Outgoing]:
        return [
            Outgoing(e) for log in self.logs.values() for e in log if e.request is not None and e.seq is None
        ]

    async def known_people(self) -> frozenset[UserName]:
        """Return everyone who is in a room."""
        return frozenset(one.user for people in self.people_in.values() for one in people)

    async def person(self, user: UserName) -> Profile:
        self._called("person", user)
        said = [e for log in self.logs.values() for e in log if e.author == user and e.text is not None]
        shared = tuple(
            (self._rooms[room], one.role)
            for room, people in self.people_in.items()
            for one in people
            if one.user == user
        )
        return Profile(user, shared, Status.AWAY, len(said), said[-1] if said else None, user in self.ignored)

    async def list_sessions(self) -> Sequence[SessionInfo]:
        self._called("sessions")
        return self.logged_in

    async def end_session(self, which: SessionId) -> None:
        self._called("end_session", which)
        self.logged_in = [one for one in self.logged_in if one.id != which]

    async def ignore(self, user: UserName, *, on: bool = True) -> None:
        self._called("ignore", user, on)
        self.ignored = self.ignored | {user} if on else self.ignored - {user}
        self.tell(IgnoredChanged())
        self.tell(RoomsChanged())

    async def favour(self, room: RoomId, *, on: bool = True) -> None:
        self._called("favour", room, on)
        self._rooms[room] = replace(self._rooms[room], favourite=on)
        self.tell(RoomsChanged())

    async def open_by(self, room: RoomId, number: int) -> None:
        self._called("open_by", room, number)
        self._rooms[room] = replace(self._rooms[room], number=number)
        self.tell(RoomsChanged())

    async def keep_strict(self, room: RoomId, *, on: bool = True) -> None:
        self._called("keep_strict", room, on)

    async def silence(self, room: RoomId, *, on: bool = True) -> None:
        self._called("silence", room, on)
        self._rooms[room] = replace(self._rooms[room], muted=on)
        self.tell(RoomsChanged())

    async def star(self, room: RoomId, seq: Seq, *, on: bool = True) -> None:
        self._called("star", room, seq, on)
        old = next(entry for entry in self.logs[room] if entry.seq == seq)
        self.change(replace(old, starred=on))

    async def pin(self, room: RoomId, target: Seq, *, on: bool = True) -> RequestId:
        self._called("pin", room, target, on)
        old = next(entry for entry in self.logs[room] if entry.seq == target)
        self.change(replace(old, pinned=on))
        self.happen(room, self.account.user, bodies.Pinned(target, on))
        return new_request_id()

    async def report(self, entry: Entry, reason: ReportReason, note: str = "") -> None:
        self._called("report", entry.room, entry.seq, reason.value, note)

    async def pins(self, room: RoomId) -> Sequence[Entry]:
        self._called("pins", room)
        return [entry for entry in reversed(self.logs[room]) if entry.pinned]

    async def forget(self, room: RoomId | None = None, *, before: Millis | None = None) -> int:
        self._called("forget", room, before)
        for one, log in self.logs.items():
            if room in {None, one}:
                self.logs[one] = [entry for entry in log if before is not None and entry.at >= before]
                self.tell(RoomForgotten(one))
        return 1

    def keep(self, seconds: int | None) -> None:
        self._called("keep", seconds)

    def receipts(self, room: RoomId) -> Mapping[UserName, Seq]:
        return self.readers.get(room, {})

    async def search(self, words: str, *, room: RoomId | None = None, limit: int = 50) -> Sequence[Entry]:
        self._called("search", words, room)
        found = [e for log in self.logs.values() for e in log if e.text and words in e.text]
        return sorted(found, key=lambda entry: -entry.at)[:limit]

    async def send(self, room: RoomId, text: str, *, reply_to: Seq | None = None) -> Entry:
        await self.sends_wait.wait()
        self._called("send", room, text, reply_to)
        body = bodies.Message(MessageText.parse(text), reply_to)
        if self.online:
            return self.happen(room, self.account.user, body)
        entry = Entry(
            room, self._clock, self.account.user, LAPTOP, body, request=new_request_id(), text=body.text,
            reply_to=reply_to, delivery=Delivery.QUEUED,
        )  # fmt: skip
        self.logs[room].append(entry)
        self.tell(EntryAdded(entry))
        return entry

    async def edit(self, room: RoomId, target: Seq, text: str) -> None:
        self._called("edit", room, target, text)
        old = next(entry for entry in self.logs[room] if entry.seq == target)
        self.change(replace(old, text=MessageText.parse(text), edited=True))

    async def delete(self, room: RoomId, target: Seq) -> None:
        self._called("delete", room, target)
        old = next(entry for entry in self.logs[room] if entry.seq == target)
        self.change(replace(old, text=None, deleted=True, body=bodies.Blank("message")))

    async def react(self, room: RoomId, target: Seq, reaction: str, *, on: bool = True) -> None:
        self._called("react", room, target, reaction, on)
        old = next(entry for entry in self.logs[room] if entry.seq == target)
        kept = tuple(one for one in old.reactions if one.reaction != reaction)
        mine = (ReactionCount(str.__new__(Reaction, reaction), (self.account.user,)),) if on else ()
        self.change(replace(old, reactions=kept + mine))

    async def send_file(
        self,
        room: RoomId,
        path: Path,
        caption: str = "",
        *,
        reply_to: Seq | None = None,
        progress: Progress = lambda _done, _all: None,
    ) -> Entry:
        self._called("send_file", room, path, caption, *([reply_to] if reply_to is not None else []))
        progress(1, 4)
        await self.wire.wait()
        file = a_file(path.name)
        body = bodies.Message(raw_text(caption or path.name), reply_to, file=file)
        return self.happen(room, self.account.user, body)

    async def save_file(
        self, entry: Entry, folder: Path, *, progress: Progress = lambda _done, _all: None
    ) -> Path:
        self._called("save_file", entry.room, entry.seq, folder)
        assert isinstance(entry.body, bodies.Message)
        assert entry.body.file is not None
        progress(1, 4)
        await self.wire.wait()
        with attachments.to_save(folder) as (into, part):  # names and folders are the real ones
            into.write(b"honey")
            into.flush()
            return attachments.give_name(part, entry.body.file.name)

    async def read_file(self, entry: Entry, most: int) -> bytes:
        self._called("read_file", entry.room, entry.seq, most)
        return b"honey"

    async def stored(self, request: RequestId) -> Seq:
        raise NotImplementedError

    async def retry(self, request: RequestId) -> None:
        self._called("retry", request)

    async def cancel(self, request: RequestId) -> None:
        self._called("cancel", request)
        for room, log in self.logs.items():
            if any(entry.request == request for entry in log):
                self.logs[room] = [entry for entry in log if entry.request != request]
                self.tell(EntryRemoved(room, request))

    async def create_room(
        self,
        name: RoomName,
        kind: RoomKind,
        topic: str = "",
        *,
        encrypted: bool = False,
        suite: RoomSuite = RoomSuite.X25519,
    ) -> Room:
        wishes = ["encrypted"] * encrypted + [suite] * (suite is not RoomSuite.X25519)
        self._called("create_room", name, kind, topic, *wishes)
        room = self.add_room(RoomId((name * 22)[:22]), name, topic=topic, kind=kind)
        self._rooms[room.id] = room = replace(room, encrypted=encrypted)
        self.tell(RoomsChanged())
        return room

    async def open_direct(
        self,
        user: UserName,
        *,
        encrypted: bool = True,  # noqa: ARG002 - the interface's
        suite: RoomSuite = RoomSuite.X25519,  # noqa: ARG002 - the interface's
    ) -> Room:
        self._called("open_direct", user)
        found = next((room for room in self.rooms.all if room.peer == user), None)
        return found or self.add_room(RoomId((user * 22)[:22]), None, peer=user)

    async def join(self, room: RoomId) -> Room:
        self._called("join", room)
        listed = next((one for one in self.listing if one.room == room), None)
        if listed is None:
            raise ChatRefusedError(ErrorCode.NOT_FOUND)
        return self.add_room(room, listed.name, topic=listed.topic)

    async def leave(self, room: RoomId) -> None:
        self._called("leave", room)
        self.remove_room(room)

    async def directory(self) -> Sequence[RoomListing]:
        self._called("directory")
        return self.listing

    async def has(self, room: RoomId, user: UserName) -> bool:
        listed = any(one.user == user for one in self.people_in[room])
        return listed or (room, user) in self.only_in_group

    async def members(self, room: RoomId) -> Sequence[MemberView]:
        return self.people_in[room]

    async def invite(self, room: RoomId, user: UserName) -> None:
        self._called("invite", room, user)

    async def uninvite(self, room: RoomId, user: UserName) -> None:
        self._called("uninvite", room, user)

    async def accept(self, room: RoomId) -> Room:
        self._called("accept", room)
        one = next(one for one in self.waiting if one.id == room)
        self.waiting = [other for other in self.waiting if other is not one]
        if room not in self._rooms:
            self.add_room(room, one.name)
        self._rooms[room] = replace(self._rooms[room], request=False)
        self.tell(RoomsChanged())
        return self._rooms[room]

    async def decline(self, room: RoomId) -> None:
        self._called("decline", room)
        self.invited(*(one for one in self.waiting if one.id != room))

    async def block(self, user: UserName, *, on: bool = True) -> None:
        self._called("block", user, on)
        self.blocks = (self.blocks | {user}) if on else (self.blocks - {user})
        self.invited(*(one for one in self.waiting if one.inviter not in self.blocks))

    async def blocked(self) -> Sequence[UserName]:
        return sorted(self.blocks)

    def invited(self, *invitations: Invitation) -> None:
        """Let these invitations wait."""
        self.waiting = list(invitations)
        self.tell(InvitationsChanged())

    async def set_topic(self, room: RoomId, topic: str) -> None:
        self._called("set_topic", room, topic)
        self.set_topic_raw(room, topic)

    async def set_role(self, room: RoomId, user: UserName, role: Role) -> None:
        self._called("set_role", room, user, role)

    async def kick(self, room: RoomId, user: UserName, reason: str = "") -> None:
        self._called("kick", room, user, reason)
        self.happen(room, self.account.user, bodies.Kicked(user, ReasonText(reason)))

    async def ban(self, room: RoomId, user: UserName, *, seconds: int | None, reason: str = "") -> None:
        self._called("ban", room, user, seconds, reason)

    async def rename(self, room: RoomId, name: RoomName) -> None:
        self._called("rename", room, name)

    async def archive(self, room: RoomId, *, on: bool) -> None:
        self._called("archive", room, on)

    async def set_retention(self, room: RoomId, days: int | None) -> None:
        self._called("set_retention", room, days)

    async def delete_room(self, room: RoomId) -> None:
        self._called("delete_room", room)
        self.remove_room(room)

    async def bans(self, room: RoomId) -> Sequence[BanView]:
        self._called("bans", room)
        return self.banned

    async def unban(self, room: RoomId, user: UserName) -> None:
        self._called("unban", room, user)
        self.banned = [ban for ban in self.banned if ban.user != user]

    async def mute(self, room: RoomId, user: UserName, *, seconds: int | None) -> None:
        self._called("mute", room, user, seconds)

    async def unmute(self, room: RoomId, user: UserName) -> None:
        self._called("unmute", room, user)

    async def mark_read(self, room: RoomId, seq: Seq, *, share: bool = False) -> None:
        self._called("mark_read", room, seq, *(["shared"] if share else []))
        known = self._rooms[room]
        self._rooms[room] = replace(known, read=seq, unread=0 if seq >= known.head else 1, mentions=0)
        self.tell(CountsChanged(room))

    async def typing(self, room: RoomId, *, on: bool) -> None:
        self._called("typing", room, on)

    async def set_status(self, status: Status) -> None:
        self._called("set_status", status)

    async def connected(self) -> None:
        await self.greeted.wait()

    def hurry(self) -> None:
        self._called("hurry")

    async def log_in_again(self, password: Secret, dialog: FactorDialog = NO_DIALOG) -> None:
        del dialog
        self.calls.append(("log_in_again", password.reveal()))
        if self.login_refusal is not None:
            raise self.login_refusal
        self.set_link(ConnectionStatus(LinkState.ONLINE, "chat.example:8443", "TLS 1.3, key pinned"))

    def lose_session(self) -> None:
        """Let the session end."""
        words = "The session has ended."
        status = ConnectionStatus(LinkState.STOPPED, "chat.example:8443", "not connected", words)
        self.set_link(replace(status, session_ended=True))

    async def remember_open(self, room: RoomId) -> None:
        self.last_room = room
        self.recent_rooms = recently(room, self.recent_rooms)

    async def save_layout(self, layout: Layout) -> None:
        self.layout = layout

    async def draft(self, room: RoomId, thread: Seq | None = None) -> str:
        if thread is not None:
            return self.thread_drafts.get((room, self._root(room, thread)), "")
        return self.drafts.get(room, "")

    async def save_draft(self, room: RoomId, text: str, thread: Seq | None = None) -> None:
        if thread is not None:
            self.thread_drafts[room, self._root(room, thread)] = text
        else:
            self.drafts[room] = text

    def wire_form(self, entry: Entry) -> str:
        text: WireText | str = entry.text or ""
        return json.dumps({"type": "event", "seq": entry.seq, "text": text}, ensure_ascii=False, indent=2)
