"""A store in memory for tests of the chat: what the contract of the real ones says, without a disk.

Its reads can be held (``hold``), so that a test can let something happen between the moment at which a
fact was read and the moment at which it arrives. Appends are done when the event loop turns.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from msgspec.structs import replace

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Banned,
    Blank,
    Created,
    Deleted,
    EncryptedMessage,
    EncryptionOn,
    Invited,
    Joined,
    Kicked,
    Left,
    Muted,
    Pinned,
    Reacted,
    RoleSet,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
)
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.replies import Invitation, LogEvent, RoomListing, RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Incarnation, Millis, Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.kit.errors import NameTakenError, RefusedError, UnavailableError
from parlour_server.kit.store.accounts.authority import BySession
from parlour_server.kit.store.records import Account, SessionRecord
from parlour_server.store.types import (
    Appended,
    AppendEvent,
    Decide,
    Facts,
    Greeting,
    GroupFacts,
    LogPage,
    MadeRoom,
    Membership,
    NewRoom,
    Target,
)


@dataclass
class Room:
    """A room and its log."""

    id: RoomId
    kind: RoomKind
    name: RoomName | None
    topic: TopicText = TopicText()
    events: list[LogEvent] = field(default_factory=list)
    members: dict[UserName, Membership] = field(default_factory=dict)
    bans: dict[UserName, Millis] = field(default_factory=dict)
    read: dict[UserName, Seq] = field(default_factory=dict)
    encrypted: bool = False
    group: GroupFacts | None = None
    pins: set[Seq] = field(default_factory=set)
    invited: dict[UserName, UserName] = field(default_factory=dict)

    @property
    def head(self) -> Seq:
        return Seq(len(self.events))


class MemoryStore:
    """Rooms, logs, sessions and accounts; each attribute is this object itself."""

    def __init__(self) -> None:
        self.known: dict[RoomId, Room] = {}
        self.people: dict[UserName, Account] = {}
        self.live: dict[UserName, list[SessionRecord]] = {}
        self.done: dict[tuple[UserName, str], tuple[AppendEvent, LogEvent]] = {}
        self.made: dict[tuple[UserName, str], RoomId] = {}
        self.down = False
        self.is_damaged = False
        self.is_shared = False
        self.nodes = None
        self.reads: list[str] = []
        self._held: dict[str, asyncio.Event] = {}

    @property
    def accounts(self) -> Any:
        """The parts of the store are the store."""
        return self

    sessions = tickets = rooms = log = attempts = journal = consent = accounts
    account_data = account_limits = retention = notices = accounts
    devices = keylog = groups = files = reports = second_factors = audit_heads = writer = readers = accounts

    async def count_rows(self, now: Millis, own: Collection[UserName]) -> Sequence[float]:
        del now, own
        return ()

    async def count_chat_rows(self) -> Sequence[float]:
        return ()

    def hold(self, read: str) -> asyncio.Event:
        """Let reads of this name end only when the returned event is set."""
        self._held[read] = asyncio.Event()
        return self._held[read]

    async def _after(self, read: str, value: Any) -> Any:
        self.reads.append(read)
        if read in self._held:
            await self._held[read].wait()
        else:
            await asyncio.sleep(0)
        if self.down:
            raise UnavailableError("down")
        return value

    incarnation = Incarnation("m" * 22)

    async def open(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Nothing to write."""

    async def prune(self, now: Millis) -> int:
        """Keep everything."""
        return 0 * now

    async def check(self) -> None:
        """Find that it works."""

    # accounts and sessions

    async def find(self, user: UserName) -> Account | None:
        return self.people.get(user)

    async def list(self, user: UserName, now: Millis) -> Sequence[SessionRecord]:
        return await self._after("list", tuple(s for s in self.live.get(user, ()) if s.expires > now))

    # rooms

    async def create(self, new: NewRoom) -> MadeRoom:
        if (new.author, new.request) in self.made:
            return self._made(self.made[new.author, new.request], new.author)
        for room in self.known.values():
            if new.peer and room.kind is RoomKind.DIRECT and set(room.members) == {new.author, new.peer}:
                return self._made(room.id, new.author)
            if (
                new.name
                and room.name == new.name
                and (room.kind is RoomKind.PUBLIC or new.author in room.members)
            ):
                raise NameTakenError(new.name)
        room = self.known[new.room] = Room(new.room, new.kind, new.name, new.topic, encrypted=new.encrypted)
        room.members[new.author] = Membership(new.author, Role.OWNER)
        bodies: list[AnyBody] = [Created(room_kind=new.kind, name=new.name, encrypted=new.encrypted)]
        if new.peer:
            room.members[new.peer] = Membership(new.peer, Role.OWNER)
        if new.topic:
            bodies.append(TopicSet(topic=new.topic))
        for body in bodies:
            self._write(room, AppendEvent(room.id, new.author, new.device, new.request, new.at, body, None))
        self.made[new.author, new.request] = room.id
        made = self._made(room.id, new.author, tuple(room.events))
        return cast("MadeRoom", await self._after("create", made))

    def _made(self, room: RoomId, user: UserName, events: Sequence[LogEvent] = ()) -> MadeRoom:
        found = self.known[room]
        return MadeRoom(room, events, self._summary(found, user) if user in found.members else None)

    async def summaries(self, user: UserName) -> Sequence[RoomSummary]:
        found = [self._summary(room, user) for room in self.known.values() if user in room.members]
        return await self._after("summaries", tuple(found))

    async def greeting(self, user: UserName, session: SessionId, now: Millis) -> Greeting | None:
        live = any(one.id == session and one.expires > now for one in self.live.get(user, ()))
        found = await self.summaries(user)
        waiting = sum(user in room.invited for room in self.known.values())
        return Greeting(found, waiting) if live else None

    async def summary(self, room: RoomId, user: UserName) -> RoomSummary | None:
        found = self.known.get(room)
        value = self._summary(found, user) if found and user in found.members else None
        return await self._after("summary", value)

    async def membership(self, room: RoomId, user: UserName) -> Membership | None:
        found = self.known.get(room)
        return await self._after("membership", found.members.get(user) if found else None)

    async def members(
        self, room: RoomId, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[Membership], bool]:
        members = sorted(self.known[room].members.values(), key=lambda member: member.user)
        rest = [member for member in members if after is None or member.user > after]
        return await self._after("members", (rest[:limit], len(rest) > limit))

    async def pins(self, room: RoomId) -> Sequence[Seq]:
        return await self._after("pins", sorted(self.known[room].pins))

    async def directory(self, *, after: RoomName | None, limit: int) -> tuple[Sequence[RoomListing], bool]:
        rooms = sorted(
            (r for r in self.known.values() if r.kind is RoomKind.PUBLIC), key=lambda r: r.name or ""
        )
        listed = [
            RoomListing(room=r.id, name=r.name, members=len(r.members), topic=r.topic, encrypted=r.encrypted)
            for r in rooms
            if r.name and (after is None or r.name > after)
        ]
        return await self._after("directory", (listed[:limit], len(listed) > limit))

    async def mark_read(self, by: BySession, room: RoomId, seq: Seq) -> bool:
        found, user = self.known.get(room), by.user
        if found is None or user not in found.members or seq > found.head:
            return False
        found.read[user] = seq
        return True

    # consent: direct rooms are those of both at once; no one blocks anyone

    async def invitations(
        self, user: UserName, *, after: RoomId | None, limit: int
    ) -> tuple[Sequence[Invitation], bool]:
        rooms = sorted(room for room, found in self.known.items() if user in found.invited)
        found = [self._invitation(self.known[room], user) for room in rooms if room > (after or "")]
        return await self._after("invitations", (found[:limit], len(found) > limit))

    async def invitation(self, room: RoomId, user: UserName) -> Invitation | None:
        found = self.known.get(room)
        asked = found is not None and user in found.invited
        return await self._after("invitation", self._invitation(found, user) if found and asked else None)

    async def accept_direct(self, by: BySession, room: RoomId) -> RoomSummary | None:
        found, user = self.known.get(room), by.user
        is_theirs = found is not None and found.kind is RoomKind.DIRECT and user in found.members
        return self._summary(found, user) if found is not None and is_theirs else None

    async def decline(self, by: BySession, room: RoomId) -> bool:
        return self.known[room].invited.pop(by.user, None) is not None

    async def block(self, by: BySession, whom: UserName, *, on: bool) -> Sequence[RoomId]:
        del by, on
        if whom not in self.people:
            raise RefusedError(ErrorCode.NOT_FOUND)
        return ()

    async def blocked(
        self, user: UserName, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[UserName], bool]:
        del user, after, limit
        return (), False

    def _invitation(self, room: Room, user: UserName) -> Invitation:
        assert room.name is not None
        return Invitation(
            room=room.id,
            kind=room.kind,
            name=room.name,
            inviter=room.invited[user],
            at=Millis(0),
            expires=Millis(1),
        )

    # groups: a test says in ``Room.group`` how one stands

    async def rooms_of(self, user: UserName) -> Sequence[RoomId]:
        found = [room.id for room in self.known.values() if room.encrypted and user in room.members]
        return await self._after("rooms_of", found)

    # the log

    def append(self, event: AppendEvent, decide: Decide) -> "asyncio.Future[Appended]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Appended] = loop.create_future()
        try:
            result = self.commit(event, decide)
        except (RefusedError, UnavailableError) as error:
            loop.call_soon(future.set_exception, error)
        else:
            loop.call_soon(future.set_result, result)
        return future

    def commit(self, event: AppendEvent, decide: Decide) -> Appended:
        """Append at once."""
        if self.down:
            raise UnavailableError("down")
        if earlier := self.done.get((event.author, event.request)):
            if earlier[0].room != event.room or not _is_same(earlier[0].body, event.body):
                raise RefusedError(ErrorCode.CONFLICT)
            return Appended(earlier[1], replay=True, entered=self._entered(event))
        decide(event, self.facts(event))
        logged = self._write(self.known[event.room], event)
        self.done[event.author, event.request] = (event, logged)
        return Appended(logged, entered=self._entered(event))

    def _entered(self, event: AppendEvent) -> RoomSummary | None:
        room = self.known[event.room]
        joined = isinstance(event.body, Joined) and event.author in room.members
        return self._summary(room, event.author) if joined else None

    async def page(
        self, room: RoomId, *, after: Seq | None, before: Seq | None, limit: int, max_bytes: int
    ) -> LogPage:
        del max_bytes
        events = self.known[room].events if room in self.known else []
        if after is not None:
            found = [event for event in events if event.seq > after]
            return await self._after("page", LogPage(found[:limit], len(found) > limit))
        found = [event for event in events if before is None or event.seq < before]
        return await self._after("page", LogPage(found[-limit:], len(found) > limit))

    async def heads(self, rooms: Collection[RoomId]) -> Mapping[RoomId, Seq]:
        found = {room: Seq(len(self.known[room].events)) for room in rooms if room in self.known}
        return await self._after("heads", found)

    def facts(self, event: AppendEvent) -> Facts:
        """Read what a decision rests on."""
        room = self.known.get(event.room)
        if room is None:
            return Facts(kind=None, author=None)
        who: UserName | None = getattr(event.body, "who", None)
        return Facts(
            kind=room.kind,
            author=room.members.get(event.author),
            author_banned_until=room.bans.get(event.author),
            author_rooms=self._rooms_of(event.author),
            subject=room.members.get(who) if who else None,
            subject_exists=who in self.people,
            subject_banned_until=room.bans.get(who) if who else None,
            author_invited=event.author in room.invited,
            subject_invited=who in room.invited,
            invited_by_author=who is not None and room.invited.get(who) == event.author,
            target=self._target(room, event),
            owners=sum(member.role is Role.OWNER for member in room.members.values()),
            encrypted=room.encrypted,
            group=room.group,
            pins=len(room.pins),
        )

    def _rooms_of(self, user: UserName | None) -> int:
        return sum(user in room.members for room in self.known.values())

    def _target(self, room: Room, event: AppendEvent) -> Target | None:
        named = (getattr(event.body, name, None) for name in ("target", "reply_to", "blanks"))
        seq = next((seq for seq in named if seq is not None), None)
        if seq is None or seq > room.head:
            return None
        there: set[tuple[str, str]] = set()
        for other in room.events:
            if isinstance(other.body, Reacted) and other.body.target == seq:
                change = there.add if other.body.on else there.discard
                change((other.author, other.body.reaction))
        target = room.events[seq - 1]
        own = (event.author, getattr(event.body, "reaction", ""))
        kind = type(target.body).__struct_config__.tag
        reactions = len({text for _, text in there} - {own[1]})
        return Target(Seq(seq), target.author, str(kind), reactions, own in there, seq in room.pins)

    def _summary(self, room: Room, user: UserName) -> RoomSummary:
        others = [name for name in room.members if name != user]
        return RoomSummary(
            room=room.id,
            kind=room.kind,
            role=room.members[user].role,
            head=room.head,
            read=room.read.get(user, Seq(0)),
            members=len(room.members),
            name=room.name,
            peer=(others or [user])[0] if room.kind is RoomKind.DIRECT else None,
            topic=room.topic,
            encrypted=room.encrypted,
        )

    def _write(self, room: Room, event: AppendEvent) -> LogEvent:
        logged = LogEvent(
            room=room.id,
            seq=Seq(room.head + 1),
            at=event.at,
            author=event.author,
            device=event.device,
            body=event.body,
        )
        room.events.append(logged)
        self._project(room, event.author, event.body)
        return logged

    def _project(self, room: Room, author: UserName, body: AnyBody) -> None:  # noqa: C901, PLR0912 - one case each
        match body:
            case Joined():
                room.members[author] = Membership(author, Role.MEMBER)
                room.invited.pop(author, None)
            case Invited(who=who):
                room.invited[who] = author
            case Uninvited(who=who):
                room.invited.pop(who, None)
            case Added(who=who):
                room.members[who] = Membership(who, Role.MEMBER)
            case Left():
                del room.members[author]
            case Kicked(who=who):
                room.members.pop(who, None)
            case Banned(who=who, until=until):
                room.members.pop(who, None)
                room.bans[who] = until or Millis(0)
            case Unbanned(who=who):
                room.bans.pop(who, None)
            case Muted(who=who, until=until):
                room.members[who] = Membership(who, room.members[who].role, until or Millis(0))
            case Unmuted(who=who):
                room.members[who] = Membership(who, room.members[who].role)
            case RoleSet(who=who, role=role):
                room.members[who] = Membership(who, role, room.members[who].muted_until)
            case TopicSet(topic=topic):
                room.topic = topic
            case EncryptionOn():
                room.encrypted = True
            case Pinned(target=seq, on=on):
                (room.pins.add if on else room.pins.discard)(seq)
            case Deleted(target=seq):
                _blank(room, seq, "message")
            case EncryptedMessage(blanks=seq) if seq is not None:
                _blank(room, seq, "sealed")
            case _:
                pass


def _blank(room: Room, seq: Seq, was: str) -> None:
    room.events[seq - 1] = replace(room.events[seq - 1], body=Blank(was=was))


def _is_same(before: AnyBody, body: AnyBody) -> bool:
    if isinstance(before, EncryptedMessage) and isinstance(body, EncryptedMessage):
        return before.blanks == body.blanks
    return before == body
